"""What a lookup takes: by the field at the end of its path, and by the lookup itself.

By default what Django converts without surprise; with `strict_values` the field's own type alone. A type for which some
values would be refused, as `str` for a number, is an error: the checker does not know which one it will be. The whole
table, with its reasons, is in the documentation; the tests compare it with what Django does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

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
"""Fields whose operands are left to Django."""

_POSTGRESQL: Final = "django.contrib.postgres.fields"
"""Where the fields of PostgreSQL are, which cannot be imported without its driver."""

_TEXT: Final = frozenset(
    {"contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "regex", "iregex"}
)
_KEYS: Final = frozenset({"has_keys", "has_any_keys"})
_OF_ARRAYS: Final = frozenset({"exact", "contains", "contained_by", "overlap"})

_MANY: Final = frozenset({"typing.Iterable", "typing.Sequence"})
_PAIR: Final = 2

AnyPath = ResolvedPath | AnnotatedPath


@dataclass(frozen=True, slots=True)
class Expected:
    """What is right.

    `show` makes what a message says of it, without what is right by Django's kindness alone; few values need one.
    """

    type: Type
    show: Callable[[], Type | None]
    count: int | None = None
    """How many values there have to be, where that is fixed."""

    is_item: bool = False
    """Whether this is one of many."""

    @property
    def shown(self) -> Type:
        """What a message says."""
        return self.show() or self.type

    @property
    def item(self) -> Expected | None:
        """What each of many values has to be; None where one is expected."""
        item = _item_of(self.type)
        return None if item is None else Expected(item, lambda: _item_of(self.shown), is_item=True)


@dataclass(frozen=True, slots=True)
class Table:
    """The table of operands; without `is_kind` None and lazy texts are left out where they mean little."""

    project: Project
    api: Api
    is_kind: bool = True

    @property
    def is_strict(self) -> bool:
        """Whether only a field's own type is right."""
        return self.project.options.strict_values

    @property
    def shown(self) -> Table:
        """The table of what messages show."""
        return replace(self, is_kind=False)

    # -- lookups -------------------------------------------------------------------------------------------------------

    def expected(self, path: AnyPath) -> Expected | None:
        """What a lookup takes; None where the plugin leaves it to Django."""
        typ = self.of_lookup(path)
        count = _PAIR if path.lookup == "range" else None
        return None if typ is None else Expected(typ, lambda: self.shown.of_lookup(path), count)

    def of_lookup(self, path: AnyPath) -> Type | None:
        """The type that a lookup takes."""
        field: Any = path.output
        if isinstance(path, ResolvedPath) and not path.transforms:
            field = path.field
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
                # Django rounds it: a number of pages may be compared with a mean.
                return self._any_of([base, self.api.named(_FLOAT)]) if is_whole else base
            case "in":
                # Django leaves None out.
                takes_none = self.is_kind and not self.is_strict
                return self.api.named("typing.Iterable", [self._optional(base) if takes_none else base])
            case "range":
                return self.api.named("typing.Sequence", [base])
            case _:
                return base if _is_prepared_by_field(field, path.lookup) else None

    def _with_none(self, path: AnyPath, base: Type) -> Type:
        """Django reads `field=None` as `field__isnull=True`, which for a column without NULL finds nothing."""
        takes_none = path.is_nullable or (self.is_kind and not self.is_strict)
        return self._optional(base) if takes_none else base

    def _of_text(self, field: Any, path: AnyPath) -> Type | None:
        """The patterns of LIKE and of regular expressions, which Django also compares numbers and dates with."""
        if not isinstance(field, (fields.CharField, fields.TextField)):
            return None
        text = self._any_of(self._of_names([_STR, LAZY_TEXT]))
        return self._with_none(path, text) if path.lookup == "iexact" else text

    def _of_json(self, lookup: str) -> Type | None:
        """JSON holds anything; only its keys are texts."""
        text = self.api.named(_STR)
        if lookup == "has_key":
            return text
        return self.api.named("typing.Iterable", [text]) if lookup in _KEYS else None

    def _of_array(self, field: Any, lookup: str) -> Type | None:
        base = self.of_field(field.base_field)
        if base is None or lookup not in _OF_ARRAYS:
            return None
        return self.api.named("typing.Sequence", [self._optional(base) if self.is_kind else base])

    # -- fields --------------------------------------------------------------------------------------------------------

    def of_field(self, field: Any) -> Type | None:
        """The type of values of a field, or of the rows and keys of a relation; None where all may be right."""
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
        """The type of a column's value; of a relation the type of its key, as its `_id` attribute has it."""
        key = key_of(field)
        own = type_of_field(self.project, self.api, key)
        if isinstance(get_proper_type(own), AnyType) or not is_djangos(key):
            # A project's field converts what it likes.
            return None
        names = self._names_of(key)
        return self._any_of([own, *self._of_names(names)]) if names else own

    def _names_of(self, key: Any) -> tuple[str, ...]:
        """The names of the types that a column takes; none if these are the types of its own values."""
        known = field_type(type(key))
        if known is None:
            return ()
        converted = () if self.is_strict else known.converted
        return (*known.unconverted, *converted) if known.also or converted else ()

    def of_relation(self, target: ModelClass) -> Type | None:
        """Rows of a model, or their keys."""
        key = self.of_field(target._meta.pk)
        return None if key is None else self._any_of([self.rows(target), key])

    def rows(self, target: ModelClass) -> Type:
        """Instances of a model, of its parents and its proxies: Django compares their keys."""
        family = [base for base in target.__mro__ if base in self.project.tables]
        return self._any_of([plain_row(self.project, self.api, model) for model in family])

    def _of_composite(self, field: Any) -> Type:
        """A tuple of the columns' values, or a list, whose items have a type in common at most."""
        types = [any_type() if (column := self.of_key(each)) is None else column for each in field.fields]
        pair = TupleType(types, self.api.named("builtins.tuple", [any_type()]))
        return self._any_of([pair, self.api.named("builtins.list", [any_type()])]) if self.is_kind else pair

    def _of_names(self, names: Iterable[str]) -> list[Type]:
        chosen = [name for name in names if name != LAZY_TEXT or (self.is_kind and not self.is_strict)]
        infos = (self.api.info(name) for name in chosen)
        return [Instance(info, []) for info in infos if info is not None]

    def _optional(self, typ: Type) -> Type:
        return self._any_of([typ, NoneType()])

    def _any_of(self, types: Sequence[Type]) -> Type:
        """A union; nobody reads those that values are only compared with, and making one simple takes its time."""
        return UnionType.make_union(types) if self.is_kind else make_simplified_union(types)


def _item_of(typ: Type) -> Type | None:
    """The type of each of many values; None for a type of one."""
    proper = get_proper_type(typ)
    return proper.args[0] if isinstance(proper, Instance) and proper.type.fullname in _MANY else None


def _is_prepared_by_field(field: Any, name: str) -> bool:
    """Whether a project's own lookup leaves its value to the field, as those that compare do."""
    lookup: Any = field.get_lookup(name)
    if lookup is None or lookup.__module__.startswith("django."):
        return False
    return bool(lookup.prepare_rhs) and lookup.get_prep_lookup is Lookup.get_prep_lookup


def _is_of_postgresql(field: Any) -> bool:
    """Ranges and the like, which take pairs and their driver's objects; arrays have a rule of their own."""
    return bool(_postgresql_names(field.__class__))


def is_djangos(field: object) -> bool:
    """Whether a field's class is Django's own, so that its conversions are known."""
    return type(field).__module__.startswith("django.")


def _is_array(field: Any) -> bool:
    """Whether a field is PostgreSQL's `ArrayField`."""
    return "ArrayField" in _postgresql_names(field.__class__)


@cache
def _postgresql_names(kind: type[Any]) -> frozenset[str]:
    """The classes of PostgreSQL that a field's class inherits from, by their names."""
    return frozenset(base.__name__ for base in kind.__mro__ if base.__module__.startswith(_POSTGRESQL))
