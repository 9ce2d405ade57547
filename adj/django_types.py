"""Types of what adj reads of Django, where django-stubs say less than Django's code does.

The classes below that exist for type checkers only are the ones of Django at run time: they add the private attributes
that django-stubs leave out. Annotate with them; make and check instances with Django's own classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NotRequired, TypeAlias, TypedDict

from django.db.models import F, Field, ForeignKey, ForeignObject, Model, Prefetch, QuerySet
from django.db.models.fields.reverse_related import ForeignObjectRel
from django.db.models.manager import BaseManager
from django.db.models.query import RawQuerySet
from django.db.models.sql.datastructures import Join
from django.db.models.sql.query import Query

AnyField: TypeAlias = "Field[Any, Any]"
"""A field of a model, whatever its Python type."""

ForeignKeyField: TypeAlias = "ForeignKey[Any, Any]"
"""A foreign key, whatever its Python type."""

PathField: TypeAlias = "AnyField | ForeignObjectRel"
"""What a name in a lookup path stands for: a field, or a relation from its other side."""

AnyManager: TypeAlias = "BaseManager[Any]"
"""A manager, whatever its model."""

AnyPrefetch: TypeAlias = "Prefetch[Any]"
"""A lookup of `prefetch_related()` as an object, whatever its query."""


class KlassInfo(TypedDict):
    """What `SQLCompiler.get_select()` says of the columns of one model: `SQLCompiler.klass_info`."""

    model: type[Model]
    select_fields: Sequence[int]
    related_klass_infos: NotRequired[Sequence[RelatedKlassInfo]]


class RelatedKlassInfo(KlassInfo):
    """The same of a model that `select_related()` joins, and how the two instances get to know each other."""

    from_parent: bool
    local_setter: Callable[[Any, Any], None]
    remote_setter: Callable[[Any, Any], None]


Selected: TypeAlias = tuple[Any, tuple[str, Sequence[object]], str | None]
"""One selected expression with its SQL and parameters, and the name of an annotation: of `SQLCompiler.select`."""


if TYPE_CHECKING:

    class PrivateModel(Model):
        """An instance with its cache of prefetched rows."""

        _prefetched_objects_cache: dict[str, Iterable[PrivateModel]]

        def _prepare_related_fields_for_save(
            self, operation_name: str, fields: Sequence[AnyField] | None = None
        ) -> None: ...

    class PrivateQuerySet(QuerySet[Any, Any]):
        """A QuerySet with its private attributes."""

        _db: str | None
        _hints: dict[str, object]
        _query: Query
        _fields: tuple[str, ...] | None
        _iterable_class: type[Any]
        _for_write: bool
        _sticky_filter: bool
        _defer_next_filter: bool
        _deferred_filter: tuple[bool, tuple[object, ...], Mapping[str, object]] | None
        _prefetch_done: bool
        _result_cache: list[Any] | None
        _prefetch_related_lookups: tuple[str | AnyPrefetch, ...]
        _known_related_objects: dict[Any, dict[object, Model]]

        def _not_support_combined_queries(self, operation_name: str) -> None: ...
        def __iter__(self) -> Iterator[Any]: ...
        def _chain(self) -> PrivateQuerySet: ...
        def _clone(self) -> PrivateQuerySet: ...

    class PrivateRawQuerySet(RawQuerySet[Any]):
        """A RawQuerySet with its private attributes."""

        _db: str | None
        _hints: dict[str, object]
        _prefetch_related_lookups: tuple[str | AnyPrefetch, ...]

    class PrivateF(F):
        """A reference by name."""

        name: str

    class PrivateJoin(Join):
        """A join of a Query, by a relation."""

        table_alias: str  # pyright: ignore[reportIncompatibleVariableOverride]
        join_cols: tuple[tuple[str, str], ...]
        join_field: ForeignObject[Any, Any] | ForeignObjectRel  # pyright: ignore[reportIncompatibleVariableOverride]

    class PrivateManager(BaseManager[Any]):
        """A manager with its private attributes."""

        _hints: dict[str, object]
        _queryset_class: type[PrivateQuerySet]

    class RelatedManager(PrivateManager):
        """The manager of an instance's relation to several rows; Django creates its class in a function."""

        instance: Model

        def _apply_rel_filters(self, queryset: PrivateQuerySet) -> PrivateQuerySet: ...
        def get_queryset(self) -> PrivateQuerySet: ...  # noqa: D102

else:
    PrivateModel, PrivateQuerySet, PrivateRawQuerySet, PrivateManager = Model, QuerySet, RawQuerySet, BaseManager
    PrivateF, PrivateJoin, RelatedManager = F, Join, BaseManager
