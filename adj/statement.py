"""What is asked: a frozen list of clauses. Data only; the compiler gives them their meaning.

A clause holds the user's operands as they were given. Every clause has one builder in `adj/compiler/build.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from adj.shapes import Answer

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet

Names: TypeAlias = tuple[object, ...]
Operands: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """`filter(*args, **kwargs)`; `exclude()` when negated."""

    args: tuple[object, ...]
    kwargs: Operands
    negated: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ComplexFilter:
    """`complex_filter(Q or dict)`."""

    condition: object


@dataclass(frozen=True, slots=True, eq=False)
class Annotate:
    """`annotate(*args, **kwargs)`; `alias()` when not selected."""

    args: tuple[object, ...]
    kwargs: Operands
    selected: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class OrderBy:
    """`order_by(*names)`; names are paths, `?` or expressions."""

    names: Names


@dataclass(frozen=True, slots=True, eq=False)
class Reverse:
    """`reverse()`."""


@dataclass(frozen=True, slots=True, eq=False)
class Distinct:
    """`distinct(*names)`."""

    names: Names


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """`values(*names, **expressions)`: a row is a dict."""

    names: Names
    expressions: Operands


@dataclass(frozen=True, slots=True, eq=False)
class ValuesList:
    """`values_list(*names, flat, named)`: a row is a tuple, a scalar or a named tuple."""

    names: Names
    flat: bool = False
    named: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Dates:
    """`dates(name, kind, order)`."""

    name: str
    kind: str
    order: str


@dataclass(frozen=True, slots=True, eq=False)
class Datetimes:
    """`datetimes(name, kind, order, tzinfo)`."""

    name: str
    kind: str
    order: str
    tzinfo: tzinfo | None


@dataclass(frozen=True, slots=True, eq=False)
class Only:
    """`only(*names)`."""

    names: Names


@dataclass(frozen=True, slots=True, eq=False)
class Defer:
    """`defer(*names)`; `(None,)` clears."""

    names: Names


@dataclass(frozen=True, slots=True, eq=False)
class SelectRelated:
    """`select_related(*names)`; `(None,)` clears."""

    names: Names


@dataclass(frozen=True, slots=True, eq=False)
class Prefetch:
    """`prefetch_related(*lookups)`: paths or Django's `Prefetch` objects; `(None,)` clears."""

    lookups: Names


@dataclass(frozen=True, slots=True, eq=False)
class Lock:
    """`select_for_update(nowait, skip_locked, of, no_key)`."""

    nowait: bool
    skip_locked: bool
    of: tuple[str, ...]
    no_key: bool


@dataclass(frozen=True, slots=True, eq=False)
class Extra:
    """`extra(...)`."""

    select: Mapping[str, str] | None
    where: tuple[str, ...] | None
    params: tuple[object, ...] | None
    tables: tuple[str, ...] | None
    order_by: tuple[str, ...] | None
    select_params: tuple[object, ...] | None


@dataclass(frozen=True, slots=True, eq=False)
class Nothing:
    """`none()`."""


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """`query[start:stop]`."""

    start: int | None
    stop: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Combine:
    """`union intersection difference` of queries, and `& | ^` of their conditions."""

    kind: Literal["union", "intersection", "difference", "and", "or", "xor"]
    others: tuple[object, ...]
    all: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Fetching:
    """`fetch_mode(mode)`, from Django 6.1 on."""

    mode: object


class KeyedRelation(Protocol):
    """A relation whose rows are found by keys; see `adj/compiler/relation.py`."""

    @property
    def lookup(self) -> str:
        """The lookup that finds them."""
        ...

    def narrowed(self, queryset: QuerySet[Any, Any], keys: object) -> QuerySet[Any, Any]:
        """A QuerySet's rows that belong to the keys."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Among:
    """The rows of a relation that belong to some keys; adj writes this clause itself."""

    relation: KeyedRelation
    keys: tuple[object, ...]


AnyClause: TypeAlias = (
    Filter
    | ComplexFilter
    | Annotate
    | OrderBy
    | Reverse
    | Distinct
    | Values
    | ValuesList
    | Dates
    | Datetimes
    | Only
    | Defer
    | SelectRelated
    | Prefetch
    | Lock
    | Extra
    | Nothing
    | Slice
    | Combine
    | Fetching
    | Among
)


@dataclass(frozen=True, slots=True, eq=False)
class Finish:
    """How the query ends, with the operands of its ending: `aearliest("published")`, `aaggregate(n=Count("pk"))`.

    `returning` are the columns of changed rows that are asked for, none of them for whole instances.
    """

    answer: Answer = Answer.ROWS
    args: tuple[object, ...] = ()
    kwargs: Operands = field(default_factory=dict)
    returning: Names | None = None


ROWS = Finish()


@dataclass(frozen=True, slots=True, eq=False)
class Owner:
    """The project's code that a statement's next method calls.

    `reason` says why the statement takes the Django path: every query method is then called on the statement's base at
    once, and `told` are the clauses that the base has already. Without a reason only the methods that `manager` itself
    defines are called, and only as the first ones. `is_start` marks a manager's rows, of which `all()` is no copy.
    """

    reason: str | None = None
    manager: Any = None
    is_start: bool = False
    told: tuple[AnyClause, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """A question to a database.

    `base` is the QuerySet the question starts from; without one it starts from the model's default manager.
    `alias` is what `using()` named; without it the router decides at run time. `seconds` is what `timeout()` allows.
    `owner` is there where a class of the project may have its own way.
    """

    # A model is any class of Django's; the typed face of this is AsyncQuery[M, R].
    model: type[Model]
    base: QuerySet[Any, Any] | None = None
    clauses: tuple[AnyClause, ...] = ()
    alias: str | None = None
    seconds: float | None = None
    owner: Owner | None = None

    def with_clause(self, clause: AnyClause) -> Statement:
        """The same question with one more clause."""
        # Not by replace(), which takes three times as long on the way of every query.
        statement = Statement(self.model, self.base, (*self.clauses, clause), self.alias, self.seconds)
        if self.owner is not None and self.owner.reason is not None:
            return replace(statement, owner=self.owner)
        return statement

    def on(self, alias: str | None) -> Statement:
        """The same question to another database."""
        return replace(self, alias=alias)

    def within(self, seconds: float | None) -> Statement:
        """The same question, to be answered in time."""
        return replace(self, seconds=seconds)
