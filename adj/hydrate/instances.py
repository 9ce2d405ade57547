"""Hydrators of model instances: generated code for plain models, Django's own `from_db` for all others.

A plain model overrides none of `__init__`, `__new__`, `__setattr__`, `from_db` and the descriptors of its fields. For
such a model, `from_db` only fills `__dict__`. The generated code does this directly; if no descriptor is involved, it
sets the attributes, which Python stores without a dict until `__dict__` is read.

Private Django API used here: `ModelState`, `ModelState.fields_cache`, `ModelState.__del__`, `klass_info` (`model`,
`select_fields`, `related_klass_infos`, `from_parent`, `local_setter`, `remote_setter`), `get_related_populators`,
`FieldCacheMixin.cache_name`, `DeferredAttribute`, `ForeignKeyDeferredAttribute`, `FileDescriptor`, `Model.from_db`,
`_get_from_db`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import takewhile
from typing import Any, TypeAlias, cast
from weakref import ref

import django
from django.db.models import Model
from django.db.models.base import ModelState
from django.db.models.fields.files import FileDescriptor
from django.db.models.fields.mixins import FieldCacheMixin
from django.db.models.fields.related_descriptors import ForeignKeyDeferredAttribute
from django.db.models.query import get_related_populators
from django.db.models.query_utils import DeferredAttribute
from django.db.models.signals import post_init, pre_init

from adj.django_types import KlassInfo, RelatedKlassInfo
from adj.djangos import is_djangos
from adj.hydrate.fetch_mode import mode_for
from adj.hydrate.generate import FunctionSource, Hydrate, converted, item_text, unpacking
from adj.hydrate.layout import Layout
from adj.hydrate.row_state import RELATED, STATE, with_state

Convert: TypeAlias = Callable[[Sequence[tuple[object, ...]]], list[list[object]]]

# If `ModelState.__del__()` clears the relations, a state without them would create them first, which is much slower.
_CLEARS_RELATIONS = hasattr(ModelState, "__del__")
# The maximum number of attributes that Python stores without a dict, including `_state`.
_MOST_ATTRIBUTES = 30
_NOTHING = object()
_INIT, _SETATTR, _FROM_DB = Model.__init__, Model.__setattr__, Model.from_db.__func__  # type: ignore[attr-defined]
_ARE_DJANGOS = is_djangos(_INIT) and is_djangos(_FROM_DB)
_PLAIN_DESCRIPTORS = (DeferredAttribute, ForeignKeyDeferredAttribute, FileDescriptor)


def instance_hydrator(layout: Layout) -> Hydrate:
    """The hydrator of a layout of instances."""
    general = _general_hydrator(layout)
    if not _is_generated(layout):
        return general
    generated, calls_project = _generated_hydrator(layout), instance_code_check(layout)

    def hydrate(rows: Sequence[tuple[object, ...]]) -> list[object]:
        return general(rows) if calls_project() else generated(rows)

    return hydrate


def instance_code_check(layout: Layout) -> Callable[[], bool]:
    """A function that tells whether creating instances calls project code.

    Signal receivers may change, and a project's tests may replace methods of its models.
    """
    if not _is_generated(layout):
        return lambda: True
    models = frozenset(_models(_klass_info(layout)))

    def is_listened_to() -> bool:
        # Called for every query: without further Python calls.
        for model in models:
            if model.__init__ is not _INIT or model.__setattr__ is not _SETATTR:
                return True
            if model.from_db.__func__ is not _FROM_DB:  # type: ignore[attr-defined]  # a class method
                return True
        if not pre_init.receivers and not post_init.receivers:
            return False
        return any(pre_init.has_listeners(model) or post_init.has_listeners(model) for model in models)

    return is_listened_to


def _is_generated(layout: Layout) -> bool:
    """Whether generated code may create the instances."""
    if getattr(layout.fetch_mode, "track_peers", False):
        return False
    klass_info = _klass_info(layout)
    if not _ARE_DJANGOS or not all(is_plain_model(model) for model in _models(klass_info)):
        return False
    return all(_is_plain_attribute(klass_info["model"], name) for name in layout.annotations or ())


def _is_plain_attribute(model: type[Model], name: str) -> bool:
    """Whether `setattr()` of a name only writes to the instance, without a data descriptor.

    `__class__` and `__dict__` are such descriptors; `_state` is excluded because it contains the relations.
    """
    return type(name) is str and name != "_state" and not _is_data_descriptor(inspect.getattr_static(model, name, None))


def _is_data_descriptor(attribute: object) -> bool:
    descriptor_class = type(attribute)
    return hasattr(descriptor_class, "__set__") or hasattr(descriptor_class, "__delete__")


@lru_cache(maxsize=1_024)
def is_plain_model(model: type[Model]) -> bool:
    """Whether filling `__dict__` has the same result as `from_db`."""
    mro = model.__mro__
    after_model = mro[mro.index(Model) + 1 :]
    return (
        type(model).__call__ is type.__call__
        and model.__init__ is Model.__init__
        and model.__new__ is object.__new__
        and model.__setattr__ is object.__setattr__
        and model.__getattribute__ is object.__getattribute__
        and _function(model.from_db) is _function(Model.from_db)
        and not any("__init__" in vars(base) for base in after_model if base is not object)
        and all(
            type(inspect.getattr_static(model, f.attname)) in _PLAIN_DESCRIPTORS for f in model._meta.concrete_fields
        )
        and not hasattr(model, "_state")
    )


def _function(method: Any) -> object:
    return method.__func__


def _klass_info(layout: Layout) -> KlassInfo:
    if layout.klass_info is None:
        raise TypeError("a layout of instances needs Django's klass_info")
    return layout.klass_info


def _models(klass_info: KlassInfo) -> Iterator[type[Model]]:
    yield klass_info["model"]
    for related in klass_info.get("related_klass_infos", ()):
        yield from _models(related)


# -- generated ---------------------------------------------------------------------------------------------------------


def _generated_hydrator(layout: Layout) -> Hydrate:
    source = FunctionSource(
        names={
            "connection": layout.connection,
            "new": object.__new__,
            "ModelState": STATE,
            "related": RELATED,
            "fetch_mode": mode_for(layout.fetch_mode),
        }
    )
    source.add(0, "def hydrate(rows):")
    source.add(1, "instances = []")
    source.add(1, "append = instances.append")
    source.add(1, f"for {unpacking(layout)} in rows:")
    for index, column in enumerate(layout.columns):
        if column.converters:
            source.add(2, f"c{index} = {converted(layout, source, index)}")
    _InstanceWriter(layout, source).write_root(_klass_info(layout))
    source.add(2, "append(i0)")
    source.add(1, "return instances")
    return source.function()


class _InstanceWriter:
    """Writes the code of one row's instances; instance `i<n>` has the state `s<n>` and the relations `f<n>`."""

    def __init__(self, layout: Layout, source: FunctionSource) -> None:
        self.layout, self.source = layout, source
        self.count = 0

    def write_root(self, klass_info: KlassInfo) -> None:
        annotations = {name: self._value(index) for name, index in (self.layout.annotations or {}).items()}
        at_once = self._names_at_once(klass_info)
        values = {**self._values(klass_info), **{name: annotations.pop(name) for name in at_once}}
        self._write_instance(2, klass_info, values)
        for name, value in annotations.items():
            self.source.add(2, f"i0.{self.source.attribute(name)} = {value}")

    def _names_at_once(self, klass_info: KlassInfo) -> list[str]:
        """The annotations that can be set together with the columns.

        Django sets all annotations at the end, one by one, which matters if one replaces another attribute.
        """
        model, names = klass_info["model"], self.layout.annotations or {}
        if any(_cache_name(related["remote_setter"]) is None for related in klass_info.get("related_klass_infos", ())):
            return []
        return list(takewhile(lambda name: not _is_on_class(model, name), names))

    def _write_instance(
        self, indent: int, klass_info: KlassInfo, values: Mapping[str, str], *, has_parent: bool = False
    ) -> None:
        """Write the code that creates an instance and its related instances."""
        number, self.count = self.count, self.count + 1
        related = klass_info.get("related_klass_infos", ())
        self._write_state(indent, number, has_relations=bool(related) or has_parent)
        self._write_filling(indent, number, klass_info["model"], values)
        for related_info in related:
            self._write_related(indent, number, related_info)

    def _write_state(self, indent: int, number: int, *, has_relations: bool) -> None:
        add = self.source.add
        add(indent, f"s{number} = ModelState()")
        add(indent, f"s{number}.adding = False")
        add(indent, f"s{number}.db = {self.source.text(self.layout.alias)}")
        if django.VERSION >= (6, 1):
            add(indent, f"s{number}.fetch_mode = fetch_mode")
        if has_relations:
            add(indent, f"s{number}.fields_cache = f{number} = related()")
        elif _CLEARS_RELATIONS:
            add(indent, f"s{number}.fields_cache = {{}}")

    def _write_filling(self, indent: int, number: int, model: type[Model], values: Mapping[str, str]) -> None:
        add, source = self.source.add, self.source
        add(indent, f"i{number} = new({source.name(f'm{number}', model)})")
        if _takes_attributes(model, values):
            add(indent, f"i{number}._state = s{number}")
            for name, value in values.items():
                add(indent, f"i{number}.{source.attribute(name)} = {value}")
        else:
            attributes = "".join(f", {source.text(name)}: {value}" for name, value in values.items())
            add(indent, f"i{number}.__dict__ = {{'_state': s{number}{attributes}}}")

    def _write_related(self, indent: int, parent: int, klass_info: RelatedKlassInfo) -> None:
        """Write the code that creates a related instance, if the row has one, and sets both sides of the relation."""
        values = self._related_values(klass_info)
        key = klass_info["model"]._meta.pk_fields[0].attname
        number = self.count
        self.source.add(indent, f"if {values[key]} is None:")
        self.source.add(indent + 1, f"i{number} = None")
        self.source.add(indent, "else:")
        self._write_instance(indent + 1, klass_info, values, has_parent=True)
        self._write_setter_call(indent, klass_info["local_setter"], f"local{number}", parent, number)
        self._write_remote(indent, klass_info["remote_setter"], f"remote{number}", number, parent)

    def _write_setter_call(self, indent: int, setter: object, name: str, holder: int, held: int) -> None:
        if (cache_name := _cache_name(setter)) is not None:
            self.source.add(indent, f"f{holder}[{self.source.text(cache_name)}] = i{held}")
        else:
            self.source.add(indent, f"{self.source.name(name, setter)}(i{holder}, i{held})")

    def _write_remote(self, indent: int, setter: object, name: str, holder: int, held: int) -> None:
        self.source.add(indent, f"if i{holder} is not None:")
        self._write_setter_call(indent + 1, setter, name, holder, held)

    def _related_values(self, klass_info: RelatedKlassInfo) -> dict[str, str]:
        values = self._values(klass_info)
        if not klass_info["from_parent"]:
            return values
        # For a child model selected from its parent, the columns are in the parent's order.
        fields = klass_info["model"]._meta.concrete_fields
        return {field.attname: values[field.attname] for field in fields if field.attname in values}

    def _values(self, klass_info: KlassInfo) -> dict[str, str]:
        """The attributes of a model's columns, and the expressions of their values."""
        select = self.layout.select
        return {select[index][0].target.attname: self._value(index) for index in klass_info["select_fields"]}

    def _value(self, index: int) -> str:
        """The expression for a selected item: a converted column, or the tuple of a composite key."""
        item = self.layout.items[index]
        return f"c{item}" if isinstance(item, int) else f"({', '.join(f'c{column}' for column in item)},)"


def _takes_attributes(model: type[Model], names: Collection[str]) -> bool:
    """Whether setting attributes is the fastest way to fill an instance, since Python then needs no dict."""
    return len(names) < _MOST_ATTRIBUTES and all(_is_plain_attribute(model, name) for name in names)


def _is_on_class(model: type[Model], name: str) -> bool:
    """Whether a model's class has an attribute; does not call descriptors."""
    return inspect.getattr_static(model, name, _NOTHING) is not _NOTHING


def _cache_name(setter: Any) -> str | None:
    """The `fields_cache` key that a Django setter writes; None if the setter does more."""
    if getattr(setter, "__func__", None) is not FieldCacheMixin.set_cached_value:
        return None
    name: str = setter.__self__.cache_name
    return name


# -- Django's own ------------------------------------------------------------------------------------------------------


def _general_hydrator(layout: Layout) -> Hydrate:
    """Create instances as `ModelIterable` does, from fetched rows."""
    klass_info: dict[str, Any] = dict(_klass_info(layout))
    mode = mode_for(layout.fetch_mode)
    first, last = klass_info["select_fields"][0], klass_info["select_fields"][-1] + 1
    attnames = [column[0].target.attname for column in layout.select[first:last]]
    convert = _row_converter(layout)
    modes = () if mode is None else (mode,)

    def hydrate(rows: Sequence[tuple[object, ...]]) -> list[object]:
        make = _from_db(klass_info["model"], mode)
        populators = get_related_populators(klass_info, layout.select, layout.alias, *modes)
        instances: list[object] = []
        peers: list[object] = []
        for row in convert(rows):
            instance = with_state(make(layout.alias, attnames, row[first:last]))
            if getattr(mode, "track_peers", False):
                peers.append(ref(instance))
                instance._state.peers = peers
            for populator in populators:
                populator.populate(row, instance)
            for name, index in (layout.annotations or {}).items():
                setattr(instance, name, row[index])
            instances.append(instance)
        return instances

    return hydrate


def _from_db(model: type[Model], mode: object) -> Callable[..., object]:
    if mode is None:
        return model.from_db
    # Since Django 6.1, and not in django-stubs.
    from django.db.models.query import _get_from_db  # type: ignore[attr-defined]

    return _get_from_db(model, mode)  # type: ignore[no-any-return]  # untyped in Django


def _row_converter(layout: Layout) -> Convert:
    """A function that converts rows to lists of the selected items, with tuples for composite keys."""
    source = FunctionSource(names={"connection": layout.connection})
    values = [item_text(layout, source, item) for item in layout.items]
    source.add(0, "def hydrate(rows):")
    source.add(1, f"return [[{', '.join(values)}] for {unpacking(layout)} in rows]")
    return cast("Convert", source.function())
