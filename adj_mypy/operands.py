"""What a lookup takes: by the field at the end of its path, and by the lookup itself.

By default what Django converts without surprise; with `strict_values` the field's own type alone. A type for which some
values would be refused, as `str` for a number, is an error: the checker does not know which one it will be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db.models import JSONField, fields
from django.db.models.fields.files import FileField
from mypy.nodes import Expression
from mypy.subtypes import is_subtype
from mypy.typeops import make_simplified_union
from mypy.types import AnyType, Instance, NoneType, TupleType, Type, UnionType, get_proper_type

from adj.schema.paths import ResolvedPath
from adj_mypy.call import QUERY, Call
from adj_mypy.codes import VALUE
from adj_mypy.compat import Api
from adj_mypy.fields import key_of, type_of_field
from adj_mypy.project import ModelClass, Project, target_of
from adj_mypy.state import plain_row
from adj_mypy.words import type_text

_DATE, _DATETIME, _STR, _INT = "datetime.date", "datetime.datetime", "builtins.str", "builtins.int"
_FLOAT, _DECIMAL = "builtins.float", "decimal.Decimal"

_CONVERTED: Final[Mapping[type[Any], tuple[str, ...]]] = {
    fields.DateTimeField: (_DATETIME, _DATE, _STR),
    fields.DateField: (_DATE, _STR),
    fields.TimeField: ("datetime.time", _STR),
    fields.DecimalField: (_DECIMAL, _INT, _FLOAT, _STR),
    fields.FloatField: (_FLOAT, _INT, _DECIMAL),
    fields.UUIDField: ("uuid.UUID", _STR),
    fields.BinaryField: ("builtins.bytes", "builtins.bytearray", "builtins.memoryview"),
}
"""What Django takes for a field beside its own type."""

_STRICT: Final[Mapping[type[Any], tuple[str, ...]]] = {
    fields.DecimalField: (_DECIMAL, _INT),
    fields.FloatField: (_FLOAT, _INT),
}

_ANYTHING: Final = (JSONField, FileField)
_POSTGRESQL: Final = "django.contrib.postgres.fields"
"""Fields whose operands are left to Django. Those of PostgreSQL cannot be imported without its driver."""

_SAME: Final = frozenset({"exact", "gt", "gte", "lt", "lte"})
_TEXT: Final = frozenset(
    {"contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "regex", "iregex"}
)
_EXPRESSIONS: Final = (
    "django.db.models.expressions.Combinable",
    "django.db.models.expressions.BaseExpression",
    "django.db.models.query.QuerySet",
    "django.db.models.query_utils.Q",
    QUERY,
)


def check(call: Call, at: Expression, given: Type, name: str, expected: Type | None) -> None:
    """Report a value that does not have the type that is expected; None expects nothing."""
    if expected is None or is_expression(given):
        return
    actual = get_proper_type(given)
    if isinstance(actual, UnionType):
        # An expression among what it may be is right by itself.
        kept = [item for item in actual.items if not is_expression(item)]
        given = make_simplified_union(kept)
    if not is_subtype(given, expected):
        api = call.api
        call.fail(f'"{name}" expects {type_text(api, expected)}, got {type_text(api, given)}', at, VALUE)


def is_expression(typ: Type) -> bool:
    """Whether a value is computed by the database."""
    proper = get_proper_type(typ)
    return isinstance(proper, Instance) and any(proper.type.has_base(base) for base in _EXPRESSIONS)


def of_lookup(project: Project, api: Api, path: ResolvedPath) -> Type | None:
    """The type that a lookup takes; None where the plugin leaves it to Django."""
    if path.lookup == "isnull":
        return api.named("builtins.bool")
    field = path.output if path.transforms else path.field
    if path.lookup in _TEXT:
        return api.named(_STR) if is_text(field) else None
    base = of_field(project, api, field)
    if base is None:
        return None
    if path.lookup in _SAME:
        is_same = path.lookup == "exact"
        return make_simplified_union([base, NoneType()]) if is_same and _takes_none(project, path) else base
    if path.lookup == "iexact":
        return make_simplified_union([api.named(_STR), NoneType()]) if is_text(field) else None
    if path.lookup == "in":
        return api.named("typing.Iterable", [base])
    if path.lookup == "range":
        pair = TupleType([base, base], api.named("builtins.tuple", [base]))
        return make_simplified_union([pair, api.named("typing.Sequence", [base])])
    return None


def _takes_none(project: Project, path: ResolvedPath) -> bool:
    """Django reads `field=None` as `field__isnull=True`, which for a column without NULL finds nothing."""
    return path.is_nullable or not project.options.strict_values


def is_text(field: object) -> bool:
    """Whether a field's values are text."""
    return isinstance(field, (fields.CharField, fields.TextField))


def of_annotation(typ: Type) -> Type | None:
    """The type that is compared with an annotation; an annotation that is not known may be compared with all."""
    return None if isinstance(get_proper_type(typ), AnyType) else make_simplified_union([typ, NoneType()])


def of_field(project: Project, api: Api, field: Any) -> Type | None:
    """The type of values of a field, or of the rows and keys of a relation; None where all may be right."""
    if isinstance(field, _ANYTHING) or any(cls.__module__.startswith(_POSTGRESQL) for cls in type(field).__mro__):
        return None
    target = target_of(field) if getattr(field, "is_relation", False) else None
    if getattr(field, "is_relation", False) and target is None:
        return None
    value = _of_value(project, api, key_of(field))
    if target is None or value is None:
        return value
    return make_simplified_union([_rows(project, api, target), value])


def _rows(project: Project, api: Api, target: ModelClass) -> Type:
    """Instances of a model, of its parents and its proxies: Django compares their keys."""
    family = [base for base in target.__mro__ if base in project.models.values()]
    return make_simplified_union([plain_row(project, api, model) for model in family])


def _of_value(project: Project, api: Api, field: Any) -> Type | None:
    own = type_of_field(project, api, field)
    if isinstance(get_proper_type(own), AnyType):
        return None
    is_own_class = type(field).__module__.startswith("django.")
    if not is_own_class:
        # A project's field converts what it likes.
        return None
    converted = _STRICT if project.options.strict_values else _CONVERTED
    names = next((converted[base] for base in type(field).__mro__ if base in converted), ())
    types = [api.named(name) for name in names if name.startswith("builtins.") or api.info(name) is not None]
    return make_simplified_union([own, *types])
