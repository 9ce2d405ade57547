"""`Loaded[Book, Literal["author"], Counts]`: names for rows in annotations; and what the mypy plugin builds on.

At run time, and to a checker without adj's plugin, `Loaded[Book, ...]` is another name for `Book`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic

from django.db.models import Model
from typing_extensions import TypeAliasType, TypeVar

N = TypeVar("N", bound=Model)
L = TypeVar("L")
A = TypeVar("A", default=Any)

Loaded = TypeAliasType("Loaded", N, type_params=(N, L, A))
"""A row of a model with the relations, or paths of relations, in a `Literal`, and the annotations in a `TypedDict`.

```python
class Counts(TypedDict):
    tag_count: int

def summary(book: Loaded[Book, Literal["author"], Counts]) -> str:
    return f"{book.title} by {book.author.name}: {book.tag_count} tags"
```

Either may be left out: `Loaded[Book, Literal["author"]]`, `Loaded[Book, Counts]`.
"""


class Facts:
    """Typing only: the base of what rows have. It is the bound of `RowState_co` and has to stand before it."""


RowState_co = TypeVar("RowState_co", bound=Facts, covariant=True, default=Any)
"""What a row has, as the plugin writes it. The bound contains no `Any`, which would spread in methods."""

if TYPE_CHECKING:
    from typing import TypedDict

    Known_co = TypeVar("Known_co", covariant=True)
    K = TypeVar("K")

    class Keys(TypedDict, Generic[K]):
        """The base of a row's TypedDict. mypy prints it instead of the keys, and `K` names what is loaded."""

    class Nothing(TypedDict):
        """The same for rows without anything to name."""

    class Needs(TypedDict, Generic[K]):
        """The same for what `Loaded[...]` requires."""

    class Has(Any, Generic[Known_co]):  # type: ignore[misc]  # see below
        """The TypedDict of a row. Because of its base, mypy accepts every row of a model for every other one.

        Where mypy compares types exactly, in joins and in narrowing, it compares the TypedDicts.
        """

    class Row(Facts, Generic[Known_co]):
        """What a row has. `Loaded[...]` is a callable type: it requires that the call returns enough."""

        def __call__(self: Row[Has[K]]) -> K:
            """Return what the row has."""
            ...


class AnnotatedRow(Generic[RowState_co]):
    """Typing only: the base of the classes that the plugin makes for rows with annotations."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
