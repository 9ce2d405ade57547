"""The Python types of fields: by their declaration in a model, or else by their class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.db.models import CompositePrimaryKey, Field, GeneratedField, Model
from django.db.models.fields.files import FileField
from django.db.models.fields.related import ForeignObject
from mypy.types import AnyType, NoneType, TupleType, Type, get_proper_type

from adj.schema.field_types import field_type
from adj.schema.paths import ResolvedPath, get_field
from adj_mypy.boundary.api import Api
from adj_mypy.boundary.declarations import FIELD, declared_types, field_arguments, returned_type
from adj_mypy.boundary.types import any_type, make_simplified_union
from adj_mypy.models.project import RANGE, ModelClass, Project, full_name, target_of

_POSTGRESQL: Final = "django.contrib.postgres.fields"


def subclasses(cls: type[Any]) -> Iterator[type[Any]]:
    """Yield a class and its subclasses at every depth."""
    yield cls
    for child in cls.__subclasses__():
        yield from subclasses(child)


def optional(typ: Type) -> Type:
    """Return a type, or None."""
    return make_simplified_union([typ, NoneType()])


def type_of_class(api: Api, field: object) -> Type:
    """Return the type of a column's values by the class of its field; `Any` if the class does not tell."""
    converted = _converted(api, field)
    if converted is not None:
        return converted
    known = field_type(type(field))
    name = None if known is None else known.value
    if name is not None and (name.startswith("builtins.") or api.info(name) is not None):
        return api.named(name)
    return _type_of_postgresql(api, field) or _type_of_generic_field(api, field)


def _type_of_postgresql(api: Api, field: Any) -> Type | None:
    """Return the type of a field of PostgreSQL, whose classes cannot be imported without a driver."""
    names = {base.__name__ for base in type(field).__mro__ if base.__module__.startswith(_POSTGRESQL)}
    if "HStoreField" in names:
        text = api.named("builtins.str")
        return api.named("builtins.dict", [text, optional(text)])
    if "RangeField" in names and api.info(RANGE) is not None:
        return api.named(RANGE, [type_of_class(api, field.base_field)])
    return None


def _converted(api: Api, field: object) -> Type | None:
    """Return the type to which a project's field class converts database values: `from_db_value()` declares it."""
    owner = next((base for base in type(field).__mro__ if "from_db_value" in vars(base)), None)
    if owner is None or owner.__module__.startswith("django."):
        return None
    info = api.info(full_name(owner))
    returned = None if info is None else returned_type(info, "from_db_value")
    return any_type() if returned is None else without_none(returned)


def _type_of_generic_field(api: Api, field: object) -> Type:
    """Return the type that a project's field class declares: `class Money(Field[Amount, Amount])`."""
    info = api.info(full_name(type(field)))
    if info is None or not info.has_base(FIELD) or info.defn.type_vars:
        return any_type()
    arguments = field_arguments(api.named(info.fullname))
    return arguments[1] if arguments is not None else any_type()


def type_of_field(project: Project, api: Api, field: Any) -> Type:
    """Return the type of a column's values, without the None of a nullable column."""
    known = project.remembered(field, lambda: _type_of_column(project, api, field))
    return known or _type_of_made_of_others(project, api, field) or type_of_class(api, field)


def _type_of_column(project: Project, api: Api, column: Any) -> Type | None:
    """Return the type that a model's source declares for a column, if the column stores the attribute's value."""
    model = getattr(column, "model", None)
    if not isinstance(model, type) or not issubclass(model, Model) or get_field(model, column.name) is not column:
        # The base field of an array has the array's name.
        return None
    # The attribute of a file field is a FieldFile; its column is the file's name.
    if isinstance(column, (FileField, CompositePrimaryKey, GeneratedField)) or _is_djangos_array(column):
        return None
    declared = _declared(project, api, model, column)
    return None if isinstance(get_proper_type(declared), AnyType) else declared


def _type_of_made_of_others(project: Project, api: Api, field: Any) -> Type | None:
    """Return the type of a field that is composed of other fields, or of a file's name."""
    if isinstance(field, FileField):
        return api.named("builtins.str")
    if isinstance(field, CompositePrimaryKey):
        types = [type_of_field(project, api, part) for part in field.fields]
        return TupleType(types, api.named("builtins.tuple", [make_simplified_union(types)]))
    if isinstance(field, GeneratedField):
        return type_of_field(project, api, field.output_field)
    if _is_djangos_array(field):
        base = field.base_field
        # The base field has the model, but the model's attribute is the whole array.
        item = _type_of_output(project, api, base)
        return api.named("builtins.list", [optional(item) if base.null else item])
    return None


def _is_djangos_array(field: Any) -> bool:
    """Return whether a field is PostgreSQL's `ArrayField` itself; subclasses declare their items in the source."""
    return isinstance(getattr(field, "base_field", None), Field) and field.get_internal_type() == "ArrayField"


def _declared(project: Project, api: Api, model: ModelClass, field: Any) -> Type | None:
    info = project.info(api, model)
    types = None if info is None else declared_types(info, getattr(field, "attname", field.name))
    return None if types is None else without_none(types[1])


def without_none(typ: Type) -> Type:
    """Return a type without None."""
    proper = get_proper_type(typ)
    items = getattr(proper, "items", None)
    if items is None or isinstance(proper, AnyType) or not hasattr(proper, "relevant_items"):
        return typ
    kept = [item for item in items if not isinstance(get_proper_type(item), NoneType)]
    return make_simplified_union(kept) if kept else typ


def type_of_path(project: Project, api: Api, path: ResolvedPath) -> Type:
    """Return the type of the column that a path names, in `values()` or in an expression."""
    if not path.transforms:
        typ = type_of_field(project, api, key_of(path.field))
    elif path.output is path.field:
        typ = type_of_field(project, api, path.field)
    else:
        typ = _type_of_output(project, api, path.output)
    return optional(typ) if path.is_nullable or _may_be_missing(path) else typ


def _may_be_missing(path: ResolvedPath) -> bool:
    """Return whether a path names one item of an array, which may be too short."""
    is_array = isinstance(getattr(path.field, "base_field", None), Field)
    return is_array and any(name.isdigit() for name in path.transforms)


def _type_of_output(project: Project, api: Api, field: Any) -> Type:
    """Return the type of a field that is not a model's column."""
    return _type_of_made_of_others(project, api, field) or type_of_class(api, field)


def key_of(field: Any) -> Any:
    """Return the field that stores a value: the field itself, or the key that a relation refers to."""
    while getattr(field, "is_relation", False):
        target = target_of(field)
        if target is None:
            return field
        field = field.target_field if isinstance(field, ForeignObject) and field.concrete else target._meta.pk
    return field
