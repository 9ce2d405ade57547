"""An example of the tour: one question asked in two ways, and what an answer looks like."""

from __future__ import annotations

import inspect
import re
import textwrap
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Generic, Protocol, TypeAlias, TypeVar

R = TypeVar("R")
Row: TypeAlias = tuple[object, ...]


class Orm(Enum):
    """Who is asked."""

    ADJ = "adj"
    DJANGO = "Django"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as a table's rows, and how long it was waited for."""

    rows: tuple[Row, ...]
    seconds: float


class Question(Protocol):
    """An example whose type of answer does not matter."""

    @property
    def shows(self) -> str: ...

    @property
    def columns(self) -> tuple[str, ...]: ...

    @property
    def title(self) -> str: ...

    @property
    def code(self) -> str: ...

    @property
    def type(self) -> str: ...

    async def ask(self, orm: Orm) -> Answer: ...


class Example(ABC, Generic[R]):
    """The same question for adj and for Django.

    A subclass says in its docstring what is asked, and in `shows` which part of the query builder that needs.
    """

    shows: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]

    @abstractmethod
    async def adj(self) -> R:
        """Ask through adj."""

    @abstractmethod
    async def django(self) -> R:
        """Ask through Django's own async ORM."""

    @abstractmethod
    def rows(self, answer: R) -> Iterable[Row]:
        """The answer as rows under `columns`; both answers must give the same."""

    @property
    def title(self) -> str:
        """The question in words: the docstring, as a heading."""
        return inspect.cleandoc(type(self).__doc__ or type(self).__name__).removesuffix(".")

    @property
    def code(self) -> str:
        """The body of `adj`: what a reader would write, without our words to the type checker."""
        _signature, _newline, body = inspect.getsource(type(self).adj).partition("\n")
        return re.sub(r"  # type: ignore.*", "", textwrap.dedent(body)).rstrip()

    @property
    def type(self) -> str:
        """What `adj` answers with, as its signature says and a type checker confirms."""
        return str(inspect.signature(type(self).adj).return_annotation)

    async def ask(self, orm: Orm) -> Answer:
        """Ask one of the two; the time is that of the query alone, without making rows of it."""
        query = self.adj if orm is Orm.ADJ else self.django
        start = time.perf_counter()
        answer = await query()
        seconds = time.perf_counter() - start
        return Answer(tuple(self.rows(answer)), seconds)
