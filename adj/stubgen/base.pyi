# The classes that the generated stubs of all models use. The stubs contain a copy of the lines below these comments.
# pyright: basic, reportIncompatibleMethodOverride=false, reportInconsistentOverload=false, reportInvalidTypeVarUse=false
# mypy: ignore-errors
from collections.abc import ItemsView, Iterator, ValuesView
from typing import Any, Generic, LiteralString, Self, SupportsIndex, TypeAlias, overload

from django.db.models import Model, Q, QuerySet
from django.db.models.expressions import Combinable
from django.utils.functional import LazyObject
from typing_extensions import TypeVar, deprecated

from adj.query.async_query import AsyncQuery

# What stands for a value that the database computes or that is not known yet, and for a condition without a name.
Expression: TypeAlias = Combinable | AsyncQuery[Any, Any] | QuerySet[Any, Any] | LazyObject
Condition: TypeAlias = Q | Combinable | tuple[str, Any]

M = TypeVar("M", bound=Model)
R = TypeVar("R", covariant=True)
T = TypeVar("T", covariant=True)
X = TypeVar("X")
E = TypeVar("E")
# The columns of a row of values(). A row with more columns serves where fewer are expected.
K = TypeVar("K", contravariant=True)
DictRow = TypeVar("DictRow", bound=dict[str, Any])
Names = TypeVar("Names", bound=str)
# A name that is written in the source is checked. A type variable keeps the literals before it in completions.
Text = TypeVar("Text", bound=LiteralString)
Computed = TypeVar("Computed", bound=object)

# Whether a query has only the names of its model, or annotations as well.
class Strict: ...
class Loose: ...

# The results of a wrong name: the first has no methods, the second may be anything.
class NoSuchField: ...
class NotSelected(Any): ...

class Rows(list[E], Generic[E, R]):
    """The rows of a query: a list of the model's instances whose items have typed attributes."""

    def __iter__(self) -> Iterator[R]: ...
    @overload
    def __getitem__(self, i: SupportsIndex, /) -> R: ...
    @overload
    def __getitem__(self, i: slice, /) -> Rows[E, R]: ...
    def pop(self, i: SupportsIndex = -1, /) -> R: ...

class ById(dict[Any, E], Generic[E, R]):
    """The rows of `ain_bulk()`: a dict of the model's instances whose values have typed attributes."""

    def __getitem__(self, key: Any, /) -> R: ...
    def values(self) -> ValuesView[R]: ...
    def items(self) -> ItemsView[Any, R]: ...

Read = TypeVar("Read")
Written = TypeVar("Written")

class Attribute(Generic[Read, Written]):
    """A column or a relation: reading it returns a value, and expressions and what Django converts can be assigned."""

    @overload
    def __get__(self, instance: None, owner: Any) -> Self: ...
    @overload
    def __get__(self, instance: Any, owner: Any) -> Read: ...
    def __set__(self, instance: Any, value: Written) -> None: ...

class Named(Generic[T, Names]):
    """A method that takes names."""

    @overload
    def __call__(self, *names: Names | Combinable | None) -> T: ...
    @overload
    @deprecated("The model does not have this name. If the models have changed, run `manage.py adj stubs` again.")
    def __call__(self, *names: Names | Text) -> NoSuchField: ...
    @overload
    def __call__(self, *names: Names | Computed) -> T: ...
