"""The types that a lookup accepts: by the field at the end of its path, and by the lookup.

By default these include the types that Django converts without surprise; with `strict_values` only the field's type. A
type is an error if Django rejects some of its values, as it does `str` for a number. The table and its reasons are in
the documentation; tests compare it with Django.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db.models import CompositePrimaryKey, JSONField, Lookup, fields
from django.db.models.fields.files import FileField
from mypy.types import AnyType, Instance, NoneType, TupleType, Type, UnionType, get_proper_type

from adj.schema.field_types import LAZY_TEXT, field_type
from adj.schema.paths import ResolvedPath
from adj_mypy.boundary.api import Api
from adj_mypy.boundary.types import any_type, make_simplified_union
from adj_mypy.lookups.annotated_paths import AnnotatedPath
from adj_mypy.models.fields import key_of, type_of_field
from adj_mypy.models.project import ModelClass, Project, target_of
from adj_mypy.row_state.row_types import plain_row

_STR, _FLOAT = "builtins.str", "builtins.float"

_ANYTHING: Final = (JSONField, FileField)
"""Fields whose values are left to Django."""

_POSTGRESQL: Final = "django.contrib.postgres.fields"
"""The module of PostgreSQL's fields, which cannot be imported without a driver."""

_TEXT: Final = frozenset(
    {"contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "regex", "iregex"}
)
_KEYS: Final = frozenset({"has_keys", "has_any_keys"})
_OF_ARRAYS: Final = frozenset({"exact", "contains", "contained_by", "overlap"})

_COMPARING: Final = frozenset({"exact", "gt", "gte", "lt", "lte", "in", "range"})
_CONVERTING: Final = (fields.DecimalField, fields.DateField, fields.TimeField, fields.DurationField, fields.UUIDField)
"""Fields that accept only some strings."""

_MANY: Final = frozenset({"typing.Iterable", "typing.Sequence"})
_PAIR: Final = 2

AnyPath = ResolvedPath | AnnotatedPath


@dataclass(frozen=True, slots=True)
class Expected:
    """The type of the accepted values.

    `show` computes the type for messages, without the types that Django only tolerates; few values need it.
    """

    type: Type
    show: Callable[[], Type | None]
    count: int | None = None
    """The number of values, if it is fixed."""

    is_item: bool = False
    """Whether this is the type of an item."""

    field: Any = None
    """The field that converts text, if Django rejects some of it."""

    rows: ModelClass | None = None
    """The model at the other end of a relation."""

    def accepts(self, text: str) -> bool:
        """Return whether the field can convert this text."""
        try:
            if self.field is not None:
                self.field.to_python(text)
        except ValidationError:
            return False
        return True

    @property
    def shown(self) -> Type:
        """The type for messages."""
        return self.show() or self.type

    @property
    def item(self) -> Expected | None:
        """The type of each item; None if a single value is expected."""
        item = _item_of(self.type)
        if item is None:
            return None
        return Expected(item, lambda: _item_of(self.shown), is_item=True, field=self.field, rows=self.rows)


@dataclass(frozen=True, slots=True)
class Table:
    """The accepted types; without `is_lenient`, unusual ones are left out: None, lazy strings, rows of parents."""

    project: Project
    api: Api
    is_lenient: bool = True
    takes_parents: bool = True
    """Whether a relation accepts rows of its model's parents: a lookup compares keys, an assignment checks classes."""

    @property
    def is_strict(self) -> bool:
        """Whether only a field's own type is accepted."""
        return self.project.options.strict_values

    @property
    def shown(self) -> Table:
        """The table for messages."""
        return replace(self, is_lenient=False)

    # -- lookups -------------------------------------------------------------------------------------------------------

    def expected(self, path: AnyPath) -> Expected | None:
        """Return what a lookup accepts; None if the plugin leaves it to Django."""
        typ = self.of_lookup(path)
        count = _PAIR if path.lookup == "range" else None
        field = converting(path.output) if path.lookup in _COMPARING and not path.transforms else None
        if typ is None:
            return None
        compared = _compared(path)
        rows = target_of(compared) if getattr(compared, "is_relation", False) else None
        return Expected(typ, lambda: self.shown.of_lookup(path), count, field=field, rows=rows)

    def of_lookup(self, path: AnyPath) -> Type | None:
        """Return the type that a lookup accepts."""
        field = _compared(path)
        if path.lookup == "isnull":
            return self.api.named("builtins.bool")
        if _is_array(field):
            return self._of_array(field, path.lookup)
        if isinstance(field, JSONField):
            return self._of_json(path.lookup)
        if path.lookup in _TEXT or path.lookup == "iexact":
            return self._of_text(field, path)
        base = self.of_field(field)
        return None if base is None else self._of_values(field, path, base)

    def _of_values(self, field: Any, path: AnyPath, base: Type) -> Type | None:
        match path.lookup:
            case "exact":
                return self._with_none(path, base)
            case "gt" | "gte" | "lt" | "lte":
                is_whole = isinstance(field, fields.IntegerField) and not self.is_strict
                # Django rounds: a number of pages may be compared with an average.
                return self._any_of([base, self.api.named(_FLOAT)]) if is_whole else base
            case "in":
                # Django removes None.
                takes_none = self.is_lenient and not self.is_strict
                return self.api.named("typing.Iterable", [self._optional(base) if takes_none else base])
            case "range":
                return self.api.named("typing.Sequence", [base])
            case _:
                return base if _is_prepared_by_field(field, path.lookup) else None

    def _with_none(self, path: AnyPath, base: Type) -> Type:
        """Add None: Django reads `field=None` as `field__isnull=True`, which never matches a non-null column."""
        takes_none = path.is_nullable or (self.is_lenient and not self.is_strict)
        return self._optional(base) if takes_none else base

    def _of_text(self, field: Any, path: AnyPath) -> Type | None:
        """Return the type of patterns; Django applies them to numbers and dates as well."""
        if not isinstance(field, (fields.CharField, fields.TextField)):
            return None
        text = self._any_of(self._of_names([_STR, LAZY_TEXT]))
        return self._with_none(path, text) if path.lookup == "iexact" else text

    def _of_json(self, lookup: str) -> Type | None:
        """Return the type of JSON keys; JSON values may be anything."""
        text = self.api.named(_STR)
        if lookup == "has_key":
            return text
        return self.api.named("typing.Iterable", [text]) if lookup in _KEYS else None

    def _of_array(self, field: Any, lookup: str) -> Type | None:
        base = self.of_field(field.base_field)
        if base is None or lookup not in _OF_ARRAYS:
            return None
        return self.api.named("typing.Sequence", [self._optional(base) if self.is_lenient else base])

    # -- fields --------------------------------------------------------------------------------------------------------

    def of_field(self, field: Any) -> Type | None:
        """Return the type of a field's values, or of a relation's rows and keys; None if the plugin cannot tell."""
        if isinstance(field, _ANYTHING) or _is_of_postgresql(field):
            return None
        if isinstance(field, CompositePrimaryKey):
            return self._of_composite(field)
        is_relation = getattr(field, "is_relation", False)
        target = target_of(field) if is_relation else None
        if is_relation and target is None:
            return None
        value = self.of_key(field)
        return value if target is None or value is None else self._any_of([self.rows(target), value])

    def of_key(self, field: Any) -> Type | None:
        """Return the type of a column's values; for a relation the type of its `_id` attribute."""
        key = key_of(field)
        own = type_of_field(self.project, self.api, key)
        if isinstance(get_proper_type(own), AnyType) or not is_djangos(key):
            # A project's field may convert any type.
            return None
        names = self._names_of(key)
        return self._any_of([own, *self._of_names(names)]) if names else own

    def _names_of(self, key: Any) -> tuple[str, ...]:
        """Return the names of the types that a column accepts; empty if these are just its own type."""
        known = field_type(type(key))
        if known is None:
            return ()
        converted = () if self.is_strict else known.converted
        return (*known.unconverted, *converted) if known.also or converted else ()

    def of_relation(self, target: ModelClass) -> Type | None:
        """Return the type of a model's rows and keys."""
        column: Any = target._meta.pk
        key = self.of_key(column) if getattr(column, "is_relation", False) else self.of_field(column)
        return None if key is None else self._any_of([self.rows(target), key])

    def rows(self, target: ModelClass) -> Type:
        """Return the type of instances of a model: those of its parents and proxies have the same keys."""
        family = [base for base in target.__mro__ if base in self.project.tables] if self.is_lenient else [target]
        if not self.takes_parents:
            family = [base for base in family if base._meta.concrete_model is target._meta.concrete_model]
        return self._any_of([plain_row(self.project, self.api, model) for model in family])

    def _of_composite(self, field: Any) -> Type:
        """Return the type of a composite key: a tuple of its columns' types, or a list."""
        types = [any_type() if (column := self.of_key(each)) is None else column for each in field.fields]
        pair = TupleType(types, self.api.named("builtins.tuple", [any_type()]))
        return self._any_of([pair, self.api.named("builtins.list", [any_type()])]) if self.is_lenient else pair

    def _of_names(self, names: Iterable[str]) -> list[Type]:
        chosen = [name for name in names if name != LAZY_TEXT or (self.is_lenient and not self.is_strict)]
        infos = (self.api.info(name) for name in chosen)
        return [Instance(info, []) for info in infos if info is not None]

    def _optional(self, typ: Type) -> Type:
        return self._any_of([typ, NoneType()])

    def _any_of(self, types: Sequence[Type]) -> Type:
        """Return a union; it is simplified only for messages, because that is slow."""
        return UnionType.make_union(types) if self.is_lenient else make_simplified_union(types)


def _compared(path: AnyPath) -> Any:
    """Return the field that a lookup is on: for a relation from either side the relation itself."""
    return path.field if isinstance(path, ResolvedPath) and not path.transforms else path.output


def _item_of(typ: Type) -> Type | None:
    """Return the item type of an iterable type; None for other types."""
    proper = get_proper_type(typ)
    return proper.args[0] if isinstance(proper, Instance) and proper.type.fullname in _MANY else None


def _is_prepared_by_field(field: Any, name: str) -> bool:
    """Return whether a project's lookup lets the field prepare its value."""
    lookup: Any = field.get_lookup(name)
    if lookup is None or lookup.__module__.startswith("django."):
        return False
    return bool(lookup.prepare_rhs) and lookup.get_prep_lookup is Lookup.get_prep_lookup


def _is_of_postgresql(field: Any) -> bool:
    """Return whether a field is PostgreSQL's, such as ranges, which accept pairs and the driver's objects."""
    return bool(_postgresql_names(field.__class__))


def converting(field: Any) -> Any:
    """Return a field that converts text; None for other fields."""
    return field if isinstance(field, _CONVERTING) and is_djangos(field) else None


def is_djangos(field: object) -> bool:
    """Return whether a field's class is Django's, so that its conversions are known."""
    return type(field).__module__.startswith("django.")


def _is_array(field: Any) -> bool:
    """Return whether a field is PostgreSQL's `ArrayField`."""
    return "ArrayField" in _postgresql_names(field.__class__)


@cache
def _postgresql_names(kind: type[Any]) -> frozenset[str]:
    """Return the names of PostgreSQL's field classes that a class inherits from."""
    return frozenset(base.__name__ for base in kind.__mro__ if base.__module__.startswith(_POSTGRESQL))
