"""An example of the tour: one query written for two ORMs, and its result."""

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
    """The ORM that runs an example."""

    ADJ = "adj"
    DJANGO = "Django"


@dataclass(frozen=True, slots=True)
class Answer:
    """A result as the rows of a table, and the time of the query."""

    rows: tuple[Row, ...]
    seconds: float


class Question(Protocol):
    """An example, whatever the type of its result."""

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
    """The same query for adj and for Django.

    A subclass describes the query in its docstring, and names the part of the query builder that it uses in `shows`.
    """

    shows: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]

    @abstractmethod
    async def adj(self) -> R:
        """Run the query with adj."""

    @abstractmethod
    async def django(self) -> R:
        """Run the query with Django's own async ORM."""

    @abstractmethod
    def rows(self, answer: R) -> Iterable[Row]:
        """The result as rows under `columns`; both ORMs must return the same."""

    @property
    def title(self) -> str:
        """The heading: the docstring."""
        return inspect.cleandoc(type(self).__doc__ or type(self).__name__).removesuffix(".")

    @property
    def code(self) -> str:
        """The body of `adj` without comments for the type checker."""
        _signature, _newline, body = inspect.getsource(type(self).adj).partition("\n")
        return re.sub(r"  # type: ignore.*", "", textwrap.dedent(body)).rstrip()

    @property
    def type(self) -> str:
        """The return type of `adj`, which type checkers confirm."""
        return str(inspect.signature(type(self).adj).return_annotation)

    async def ask(self, orm: Orm) -> Answer:
        """Run one of the two. The time is that of the query, without the conversion to rows."""
        query = self.adj if orm is Orm.ADJ else self.django
        start = time.perf_counter()
        answer = await query()
        seconds = time.perf_counter() - start
        return Answer(tuple(self.rows(answer)), seconds)
