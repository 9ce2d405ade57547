"""Write the state of a row as a type argument of its model, and read it back: the only module that knows its form.

The argument is `Row[Has[TypedDict]]`, with the classes of `adj.loaded`. mypy accepts every such argument for every
other one, because of the base of `Has`: rows of one model mix, as plain Django rows do. In joins and in narrowing it
compares the TypedDicts, so each fact about a row is one key. Relations and annotations are keys with their own names
and types. All other facts are keys that cannot be the name of an attribute.

What `Loaded[...]` requires is a callable type, `() -> TypedDict`. mypy compares it with the result of `Row.__call__()`,
the TypedDict of the given row, and that comparison is strict.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from mypy.types import (
    CallableType,
    Instance,
    LiteralType,
    NoneType,
    Type,
    TypedDictType,
    UninhabitedType,
    UnionType,
    get_proper_type,
)

from adj_mypy.boundary.api import Api
from adj_mypy.boundary.types import any_type
from adj_mypy.expressions.names import Names
from adj_mypy.models.project import SEPARATOR, ModelClass, relations
from adj_mypy.row_state.clauses import Clauses
from adj_mypy.row_state.state import NOTHING, State

_ROW: Final = "adj.loaded.Row"
_HAS: Final = "adj.loaded.Has"
_KEYS: Final = "adj.loaded.Keys"
_NEEDS: Final = "adj.loaded.Needs"
_NOTHING: Final = "adj.loaded.Nothing"
"""The classes of the type argument, and of the TypedDicts."""

_OPEN: Final = "*"
"""There may be annotations whose names are not known."""

_DEFERRED: Final = "-"
"""Before the name of a deferred column, and before the keys of clauses."""

_COLUMN: Final = "."
"""Before the name of a column that a row has while others are deferred; alone if it has all columns.

To mypy, a variable with a first and a second value has a type with the keys of both. So the columns that the second one
has are keys as well.
"""

_ONLY, _DEFER, _PREFETCHED, _EVERY_JOIN = "only ", "defer ", "prefetched ", "every join"
"""The keys of clauses; names of columns contain no space."""

_FORGOTTEN, _REGAINED, _UNKNOWN = "!", "+", "?"
"""Before the name of a relation or column that was forgotten, or loaded later; alone: known only at run time.

mypy narrows variables and never widens them, so forgetting a relation adds a key.
"""

_PREFIXES: Final = (_OPEN, _DEFERRED, _COLUMN, _FORGOTTEN, _REGAINED, _UNKNOWN)

_MANY: Final = 8
"""The most names that mypy prints of a row."""


# -- writing -----------------------------------------------------------------------------------------------------------


def argument_of_row(api: Api, model: ModelClass, state: State, *, tracked: bool) -> Type:
    """Return the type argument of a row; of its annotations and aliases alone where rows are not tracked."""
    items = {**_items(state), **_columns(model, state)} if tracked else _annotations(state)
    return _packed(api, items, state.aliases)


def argument_of_query(api: Api, known: State) -> Type | None:
    """Return the type argument of a query's model, for later clauses; None if there is nothing to tell."""
    items = _items(known)
    return _packed(api, items, known.aliases) if items else None


def requirement(api: Api, row: Type) -> Type:
    """Return a row's type as one that other rows have to fit: with the relations and annotations, at every level."""
    proper = get_proper_type(row)
    keys = _keys(proper.args[-1]) if isinstance(proper, Instance) and proper.args else None
    if keys is None or not isinstance(proper, Instance):
        return row
    items = {name: requirement(api, typ) for name, typ in keys.items.items() if not name.startswith(_PREFIXES)}
    asked = _named(api, _NEEDS, api.typed_dict(items, readonly=True))
    return proper.copy_modified(args=[CallableType([], [], [], asked, _wrapped(api, asked))])


def is_requirement(row: Instance) -> bool:
    """Return whether a row's type is the result of `requirement()`."""
    return isinstance(get_proper_type(row.args[-1]), CallableType)


def _packed(api: Api, items: Mapping[str, Type], optional: Collection[str] = ()) -> Type:
    return _wrapped(api, _named(api, _KEYS, api.typed_dict(items, readonly=True, optional=optional)))


def _wrapped(api: Api, keys: TypedDictType) -> Instance:
    return api.named(_ROW, [api.named(_HAS, [keys])])


def _items(state: State) -> dict[str, Type]:
    return {**_annotations(state), **state.loaded, **{key: NoneType() for key in _facts(state)}}


def _annotations(state: State) -> dict[str, Type]:
    return {**state.annotations, **({_OPEN: any_type()} if state.annotations.is_open else {})}


def _facts(state: State) -> Iterator[str]:
    yield from (_DEFERRED + key for key in sorted({*state.deferred, *_keys_of_clauses(state.clauses)}))
    yield from (_FORGOTTEN + name for name in sorted(state.forgotten))
    yield from (_REGAINED + name for name in sorted(state.regained))
    if state.is_unknown:
        yield _UNKNOWN


def _columns(model: ModelClass, state: State) -> dict[str, Type]:
    if not state.deferred:
        return {_COLUMN: NoneType()}
    names = sorted({name for field in model._meta.concrete_fields for name in (field.name, field.attname)})
    return {_COLUMN + name: NoneType() for name in names if name not in state.deferred}


def _keys_of_clauses(clauses: Clauses) -> Iterator[str]:
    prefix = _DEFER if clauses.is_defer else _ONLY
    yield from (prefix + name for name in clauses.columns)
    yield from (_PREFETCHED + path for path in clauses.prefetched)
    if clauses.joins_every:
        yield _EVERY_JOIN


# -- printing ----------------------------------------------------------------------------------------------------------


def _named(api: Api, fullname: str, keys: TypedDictType) -> TypedDictType:
    """Return the TypedDict with a name that mypy prints instead of its keys: `Keys[Literal['author', 'n']]`."""
    paths = list(_paths(keys))
    if not paths:
        return keys.copy_modified(fallback=api.named(_NOTHING))
    shown = [*paths[:_MANY], *(["..."] if len(paths) > _MANY else [])]
    text = api.named("builtins.str")
    literals = UnionType.make_union([LiteralType(path, text) for path in shown])
    return keys.copy_modified(fallback=api.named(fullname, [literals]))


def _paths(keys: TypedDictType, prefix: str = "") -> Iterator[str]:
    """Yield the annotations, and the longest paths of loaded relations."""
    for name, typ in keys.items.items():
        if name.startswith(_PREFIXES):
            continue
        proper = get_proper_type(typ)
        nested = _keys(proper.args[-1]) if isinstance(proper, Instance) and proper.args else None
        inner = [] if nested is None else list(_paths(nested, f"{prefix}{name}{SEPARATOR}"))
        yield from inner or [prefix + name]


# -- reading -----------------------------------------------------------------------------------------------------------


def state_in(model: ModelClass, argument: Type) -> State | None:
    """Return the state that a type argument stands for; None if it is known only at run time."""
    known = _keys(argument)
    if known is None or _UNKNOWN in known.items:
        return None
    if not known.items or list(known.items) == [_COLUMN]:
        return NOTHING
    names, missing = relations(model), _after(_DEFERRED, known.items)
    loaded = {key: typ for key, typ in known.items.items() if key in names}
    annotations = {
        key: _readable(typ) for key, typ in known.items.items() if key not in names and not key.startswith(_PREFIXES)
    }
    columns = _after(_COLUMN, known.items)
    return State(
        loaded,
        Names(annotations, _OPEN in known.items),
        frozenset[str]() if "" in columns else frozenset(name for name in missing if " " not in name) - columns,
        frozenset((loaded.keys() | annotations) - known.required_keys),
        _after(_FORGOTTEN, known.items),
        _after(_REGAINED, known.items),
        clauses=_clauses(missing),
    )


def _keys(argument: Type) -> TypedDictType | None:
    """Return the TypedDict in the type argument of a row, or of a requirement."""
    proper = get_proper_type(argument)
    if isinstance(proper, CallableType):
        proper = get_proper_type(proper.ret_type)
    elif isinstance(proper, Instance) and proper.type.fullname == _ROW and proper.args:
        has = get_proper_type(proper.args[0])
        proper = get_proper_type(has.args[0]) if isinstance(has, Instance) and has.args else has
    return proper if isinstance(proper, TypedDictType) else None


def _readable(annotation: Type) -> Type:
    """Return the type of an annotation; `Any` where a variable has two rows whose annotations have different types."""
    return any_type() if isinstance(get_proper_type(annotation), UninhabitedType) else annotation


def _clauses(keys: frozenset[str]) -> Clauses:
    only, deferred = _after(_ONLY, keys), _after(_DEFER, keys)
    return Clauses(only or deferred, not only, _after(_PREFETCHED, keys), _EVERY_JOIN in keys)


def _after(prefix: str, keys: Iterable[str]) -> frozenset[str]:
    return frozenset(key.removeprefix(prefix) for key in keys if key.startswith(prefix))
