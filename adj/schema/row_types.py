"""The classes that `into()` creates rows of, and their fields.

attrs, msgspec and pydantic are optional: their classes are recognized by their attributes, and adj imports neither of
them before the project does.

Private name of a class used here: `_field_defaults`, which `typing.NamedTuple` documents.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import sys
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from typing import Any, Final, TypeAlias

import typing_extensions
from django.db.models import Model

from adj.statement.row_class import Form, RowClass

KINDS: Final = "a dataclass, an attrs class, a TypedDict, a NamedTuple, a msgspec Struct or a pydantic model"
"""The classes, for messages."""

# What other packages set on their classes has no type for checkers.
Class: TypeAlias = Any


class Unknown(enum.Enum):
    """Stands for an annotation that is missing, or that names what only type checkers import."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN


@dataclass(frozen=True, slots=True)
class RowField:
    """A field of a row class.

    `keyword` is the argument's name, which may differ from the field's. `is_converted`: the class converts the value,
    so that its type may differ from the annotation.
    """

    name: str
    keyword: str
    annotation: object
    is_required: bool
    is_converted: bool = False


@dataclass(frozen=True, slots=True)
class RowType:
    """A row class: how its objects are created, and from which fields.

    `positional` are the names of the arguments that can be passed by position, in order. `is_lax`: values are converted
    as pydantic does it. `runs_project_code`: creating an object calls code of the project.
    """

    row_class: RowClass
    form: Form
    fields: tuple[RowField, ...]
    positional: tuple[str, ...] = ()
    is_lax: bool = False
    runs_project_code: bool = False


def row_type(row_class: object) -> RowType | None:
    """The description of a class; None if `into()` does not know how to create its objects."""
    is_class = isinstance(row_class, type) and not issubclass(row_class, Model)
    return _described(row_class) if is_class else None


@lru_cache(maxsize=512)
def _described(row_class: RowClass) -> RowType | None:
    return next((described for read in _READERS if (described := read(row_class)) is not None), None)


def _typed_dict(cls: Class) -> RowType | None:
    if not typing_extensions.is_typeddict(cls):
        return None
    # Where annotations are strings, `__required_keys__` does not know of NotRequired.
    fields = tuple(
        RowField(name, name, hint, name in cls.__required_keys__ and not _is_not_required(hint))
        for name, hint in _hints(cls).items()
    )
    return RowType(cls, Form.DICT, fields)


def _is_not_required(hint: object) -> bool:
    while (origin := typing.get_origin(hint)) in {typing.Annotated, typing_extensions.ReadOnly}:
        hint = typing.get_args(hint)[0]
    return origin is typing_extensions.NotRequired


def _named_tuple(cls: Class) -> RowType | None:
    names: tuple[str, ...] | None = getattr(cls, "_fields", None)
    if names is None or tuple not in cls.__mro__:
        return None
    hints, defaults = _hints(cls), cls._field_defaults
    fields = tuple(RowField(name, name, hints.get(name, UNKNOWN), name not in defaults) for name in names)
    # A subclass may define `__new__()`.
    is_plain = cls.__mro__[1] is tuple
    return RowType(cls, Form.TUPLE if is_plain else Form.CALL, fields, names, runs_project_code=not is_plain)


def _pydantic(cls: Class) -> RowType | None:
    fields: Mapping[str, Any] | None = vars(cls).get("__pydantic_fields__")
    if fields is None or dataclasses.is_dataclass(cls):
        return None
    config: Mapping[str, object] = cls.model_config
    by_name = bool(config.get("populate_by_name") or config.get("validate_by_name"))
    decorators = cls.__pydantic_decorators__
    converts = bool(decorators.field_validators or decorators.model_validators or decorators.validators)
    converts = converts or bool(config.get("coerce_numbers_to_str"))
    return RowType(
        cls,
        Form.CALL,
        tuple(
            RowField(
                name,
                name if by_name else _alias(name, field),
                UNKNOWN if isinstance(field.annotation, typing.ForwardRef) else field.annotation,
                field.is_required(),
                converts or any(hasattr(each, "func") for each in field.metadata),
            )
            for name, field in fields.items()
        ),
        is_lax=not config.get("strict", False),
        runs_project_code=True,
    )


def _alias(name: str, field: Any) -> str:
    alias = field.validation_alias if field.validation_alias is not None else field.alias
    # Several aliases or a path into nested data: the first that is a name.
    choices: Sequence[object] = getattr(alias, "choices", (alias,))
    return next((choice for choice in choices if isinstance(choice, str)), name)


def _msgspec(cls: Class) -> RowType | None:
    if not hasattr(cls, "__struct_fields__") or "msgspec" not in sys.modules:
        return None
    from msgspec.structs import fields as fields_of  # the project has imported msgspec

    hints = _hints(cls)
    fields = tuple(
        RowField(each.name, each.name, hints.get(each.name, UNKNOWN), each.required) for each in fields_of(cls)
    )
    return RowType(cls, Form.CALL, fields, _positional(cls), runs_project_code=_has_own_code(cls))


def _attrs(cls: Class) -> RowType | None:
    attributes: Sequence[Any] | None = getattr(cls, "__attrs_attrs__", None)
    if attributes is None:
        return None
    nothing, hints = sys.modules["attr"].NOTHING, _hints(cls)
    fields = tuple(
        # Private attributes have an argument without the underscore.
        RowField(
            each.alias,
            each.alias,
            hints.get(each.name, UNKNOWN),
            each.default is nothing,
            is_converted=each.converter is not None,
        )
        for each in attributes
        if each.init
    )
    runs_code = any(each.validator is not None or each.converter is not None for each in attributes)
    return RowType(cls, Form.CALL, fields, _positional(cls), runs_project_code=runs_code or _has_own_code(cls))


def _dataclass(cls: Class) -> RowType | None:
    if not hasattr(cls, "__dataclass_fields__"):
        return None
    # pydantic's dataclasses validate as its models do.
    is_pydantics = hasattr(cls, "__pydantic_fields__")
    return RowType(
        cls,
        Form.CALL,
        tuple(_dataclass_fields(cls, is_converted=is_pydantics)),
        () if is_pydantics else _positional(cls),
        runs_project_code=is_pydantics or _has_own_code(cls),
    )


def _dataclass_fields(cls: Class, *, is_converted: bool) -> Iterator[RowField]:
    hints = _hints(cls)
    known = {each.name: each for each in dataclasses.fields(cls)}
    missing = dataclasses.MISSING
    for name, each in cls.__dataclass_fields__.items():
        hint = hints.get(name, UNKNOWN)
        is_argument = isinstance(hint, dataclasses.InitVar)
        if (name in known and each.init) or is_argument:
            is_required = each.default is missing and each.default_factory is missing
            # Any: typeshed does not declare it.
            initial: Any = hint
            yield RowField(name, name, initial.type if is_argument else hint, is_required, is_converted)


_READERS: Final[Sequence[Callable[[Class], RowType | None]]] = (
    _typed_dict,
    _named_tuple,
    _pydantic,
    _msgspec,
    _attrs,
    _dataclass,
)


def _positional(cls: Class) -> tuple[str, ...]:
    """The leading arguments that can be passed by position."""
    try:
        parameters = inspect.signature(cls).parameters.values()
    except (TypeError, ValueError):
        return ()
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(each.name for each in takewhile(lambda each: each.kind in places, parameters))


_HOOKS: Final = (
    *("__new__", "__init__", "__post_init__", "__setattr__"),
    *("__attrs_pre_init__", "__attrs_post_init__"),
)


def _has_own_code(cls: Class) -> bool:
    """Whether creating an object calls functions that somebody wrote, and not only generated ones."""
    codes = [getattr(getattr(cls, name, None), "__code__", None) for name in _HOOKS]
    # Generated code has no file: "<string>", "<attrs generated ...>".
    return any(code is not None and not code.co_filename.startswith("<") for code in codes)


def _hints(cls: Class) -> dict[str, object]:
    """The annotations of a class and its bases; those that cannot be evaluated are unknown."""
    try:
        return dict(typing_extensions.get_type_hints(cls, include_extras=True))
    # A name that only type checkers import, or an expression that fails.
    except Exception:  # noqa: BLE001
        return {name: hint for base in reversed(cls.__mro__) for name, hint in _own_hints(base)}


def _own_hints(base: RowClass) -> Iterator[tuple[str, object]]:
    try:
        annotations: Mapping[str, object] = inspect.get_annotations(base)
    # Since Python 3.14, reading annotations evaluates them.
    except Exception:  # noqa: BLE001
        return
    names = vars(sys.modules[base.__module__]) if base.__module__ in sys.modules else {}
    for name, hint in annotations.items():
        yield name, _evaluated(hint, names, dict(vars(base)))


def _evaluated(hint: object, names: dict[str, object], own: dict[str, object]) -> object:
    if isinstance(hint, typing.ForwardRef):
        hint = hint.__forward_arg__
    if not isinstance(hint, str):
        return hint
    try:
        value: object = eval(hint, names, own)  # noqa: S307  # the class's own annotation, as `get_type_hints()` does
    # As in `_hints()`.
    except Exception:  # noqa: BLE001
        return UNKNOWN
    return value
