"""The text of a model's own file: keywords, names as literals, and the classes of the attributes that are called."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from adj.stubgen.keywords import Keywords, parameters
from adj.stubgen.limits import literal
from adj.stubgen.names import ModelNames
from adj.stubgen.project import ModelClass, reference

_PAIRED: Final = 6
"""The number of types, the most frequent ones, of which rows of two columns are declared."""

_UNKNOWN = "The model does not have this column. If the models have changed, run `manage.py adj stubs` again."


def lookups_class(name: str, conditions: Keywords) -> list[str]:
    """Return the class of `filter` and similar attributes.

    Only an unpacked dict can fill the required keyword of the second overload, so that computed conditions pass.
    """
    return [
        f"class {name}Lookups(Generic[T, X]):",
        "    @overload",
        "    def __call__(",
        "        self,",
        "        *conditions_: Condition,",
        *parameters(conditions),
        "    ) -> T: ...",
        "    @overload",
        "    def __call__(self, *conditions_: Condition, __computed: object, **lookups: object) -> T: ...",
        "    @overload",
        f"    def __call__(self: {name}Lookups[T, Loose], *conditions_: Condition, **lookups: object) -> T: ...",
        "",
    ]


def assignments_class(name: str, keywords: Keywords | None) -> list[str]:
    """Return the class of `acreate` or `aupdate`; None stands for any keywords."""
    if not keywords:
        return [f"class {name}(Generic[T]):", "    def __call__(self, **fields: Any) -> T: ...", ""]
    return [
        f"class {name}(Generic[T]):",
        "    @overload",
        "    def __call__(",
        "        self,",
        "        *,",
        *parameters(keywords),
        "    ) -> T: ...",
        "    @overload",
        "    def __call__(self, *, __computed: object, **fields: object) -> T: ...",
        "",
    ]


def literals(name: str, names: ModelNames) -> list[str]:
    """Return the aliases of a model's names, and the type variables that are bound by them."""
    columns = {f"{name}{suffix(value)}": listed for value, listed in names.by_type.items()}
    aliases: Mapping[str, Iterable[str]] = {f"{name}Column": names.columns, **columns}
    lines = [
        *(f"{alias}: TypeAlias = {literal(listed)}" for alias, listed in aliases.items()),
        f"{name}Stored: TypeAlias = {literal(names.stored)}",
        f"{name}Order: TypeAlias = {literal(names.orders)}",
        f"{name}Single: TypeAlias = {literal(names.single)}",
        f"{name}Many: TypeAlias = {literal(names.many)}",
    ]
    variables = [f'_{alias} = TypeVar("_{alias}", bound={alias})' for alias in aliases]
    return [*lines, *variables, ""]


def suffix(value: str) -> str:
    """Return how the alias of the columns with a type of values ends: `IntOrNone` for `int | None`."""
    words = re.findall(r"\w+", value.replace(" | ", " Or ").replace("]", " End "))
    return "Of" + "".join(word[0].upper() + word[1:].rstrip("_") for word in words)


def values_classes(name: str, names: ModelNames, *, as_dicts: bool) -> list[str]:
    """Return the rows of `values()`, with one overload for each type of values, and the class of the method."""
    query, annotated = f"heads_.{name}Query", f"heads_.{name}AnnotatedQuery[dict[str, Any]]"
    chosen, every = (
        ("dict[str, Any]",) * 2 if as_dicts else (f"{name}Values[_{name}Column]", f"{name}Values[{name}Column]")
    )
    row = [] if as_dicts else _values_row(name, names)
    return [
        *row,
        f"class {name}ValuesCall:",
        *_overload(f"field: _{name}Column, /, *fields: _{name}Column", f"{query}[{chosen}]"),
        *_overload("", f"{query}[{every}]"),
        *_overload(f"*fields: {name}Column | Combinable, **expressions: Any", annotated),
        *_overload(f"*fields: {name}Column | Text", "NoSuchField", warning=_UNKNOWN),
        *_overload(f"*fields: {name}Column | Computed, **expressions: Any", annotated),
        "",
    ]


def _values_row(name: str, names: ModelNames) -> Iterator[str]:
    own, every = f"{name}Values[{{}}]".format, f"_{name}Column"
    yield f"class {name}Values(dict[str, Any], Generic[K]):"
    for value in names.by_type:
        key = f"_{name}{suffix(value)}"
        yield from _item(own(key), key, value)
    yield from _item(
        own(every), f"{every} | Text", "NotSelected", warning="Not one of the columns that values() names."
    )
    yield from _item(own(every), f"{every} | Computed", "Any")
    yield ""


def list_class(model: ModelClass, names: ModelNames) -> list[str]:
    """Return the class of `values_list`: precise for one column and for two of frequent types."""
    name = model.__name__
    fields, options = f"*fields: {name}Column", "flat: bool = ..., named: bool = ..."
    rows = f"AsyncQuery[{reference(model)}, {{}}]".format
    known = f"{fields} | Combinable"
    return [
        f"class {name}ListCall:",
        *_precise_lists(name, [*names.by_type]),
        *_overload(f"{known}, flat: Literal[True], named: Literal[False] = ...", rows("Any")),
        *_overload(f"{known}, flat: Literal[False] = ..., named: Literal[True]", rows("Any")),
        *_overload(f"{known}, {options}", rows("tuple[Any, ...]")),
        *_overload(f"{fields} | Text, {options}", "NoSuchField", warning=_UNKNOWN),
        *_overload(f"{fields} | Computed, {options}", rows("Any")),
        "",
    ]


def _precise_lists(name: str, values: list[str]) -> Iterator[str]:
    rows = f"heads_.{name}Query[{{}}]".format
    for value in values:
        yield from _overload(f"a: {name}{suffix(value)}, /, *, flat: Literal[True]", rows(value))
    for value in values:
        yield from _overload(f"a: {name}{suffix(value)}, /", rows(f"tuple[{value}]"))
    for one, two in itertools.product(values[:_PAIRED], repeat=2):
        yield from _overload(f"a: {name}{suffix(one)}, b: {name}{suffix(two)}, /", rows(f"tuple[{one}, {two}]"))


def _overload(parameters: str, result: str, *, warning: str | None = None) -> Iterator[str]:
    yield "    @overload"
    if warning is not None:
        yield f'    @deprecated("{warning}")'
    yield f"    def __call__(self{', ' if parameters else ''}{parameters}) -> {result}: ..."


def _item(own: str, key: str, result: str, *, warning: str | None = None) -> Iterator[str]:
    yield "    @overload"
    if warning is not None:
        yield f'    @deprecated("{warning}")'
    yield f"    def __getitem__(self: {own}, key: {key}, /) -> {result}: ..."
