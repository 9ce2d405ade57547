"""The text of a model's query class: methods with the model's rows, and attributes that are called like methods.

An attribute's class is in the model's own file, which a type checker reads only where the method is used.
"""

from __future__ import annotations

from adj.stubgen.project import ModelClass, reference

CALLS = (
    "Lookups",
    "NewRow",
    "Update",
    "Column",
    "Stored",
    "Order",
    "Single",
    "Many",
    "Values",
    "ValuesCall",
    "ListCall",
)
"""The endings of the names that a query class takes from the model's own file."""

_QUERY = """\
class {name}Query(AsyncQuery[{model}, R], Generic[R]):
    filter: {name}Lookups[Self, Strict]
    exclude: {name}Lookups[Self, Strict]
    aget: {name}Lookups[Coroutine[Any, Any, R], Strict]
    aget_or_none: {name}Lookups[Coroutine[Any, Any, R | None], Strict]
    order_by: Named[Self, {name}Order]
    aearliest: Named[Coroutine[Any, Any, R], {name}Order]
    alatest: Named[Coroutine[Any, Any, R], {name}Order]
    select_related: Named[Self, {name}Single]
    prefetch_related: Named[Self, {name}Many]
    only: Named[Self, {name}Stored]
    defer: Named[Self, {name}Stored]
    distinct: Named[Self, {name}Column]
    values: {name}ValuesCall
    values_list: {name}ListCall
    def into(self, row_class: type[X], /, **paths: str) -> {name}Query[X]: ...
    acreate: {name}NewRow[Coroutine[Any, Any, {name}Row]]
    aupdate: {name}Update[Coroutine[Any, Any, int]]
    def __and__(self, other: AsyncQuery[{model}, Any] | QuerySet[{model}, Any]) -> Self: ...
    def __or__(self, other: AsyncQuery[{model}, Any] | QuerySet[{model}, Any]) -> Self: ...
    def __xor__(self, other: AsyncQuery[{model}, Any] | QuerySet[{model}, Any]) -> Self: ...
    async def aget_or_create(
        self, defaults: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> tuple[{name}Row, bool]: ...
    async def aupdate_or_create(
        self,
        defaults: Mapping[str, Any] | None = None,
        create_defaults: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> tuple[{name}Row, bool]: ...
    async def ain_bulk(
        self, id_list: Iterable[Any] | None = None, *, field_name: str = "pk"
    ) -> ById[{model}, R]: ...
    @overload
    async def run(self: {name}Query[{name}Row]) -> Rows[{model}, {name}Row]: ...
    @overload
    async def run(self: {name}Query[DictRow]) -> Rows[dict[str, Any], DictRow]: ...
    @overload
    async def run(self) -> list[R]: ...
    @overload
    def annotate(
        self: {name}Query[{name}Row], *args: Any, **kwargs: Any
    ) -> {name}AnnotatedQuery[{name}AnnotatedRow]: ...
    @overload
    def annotate(
        self: {name}Query[dict[str, Any]], *args: Any, **kwargs: Any
    ) -> {name}AnnotatedQuery[dict[str, Any]]: ...
    @overload
    def annotate(self, *args: Any, **kwargs: Any) -> AsyncQuery[{model}, Any]: ...
    def alias(self, *args: Any, **kwargs: Any) -> {name}AnnotatedQuery[R]: ...

class {name}AnnotatedQuery({name}Query[R], Generic[R]):
    filter: {name}Lookups[Self, Loose]
    exclude: {name}Lookups[Self, Loose]
    aget: {name}Lookups[Coroutine[Any, Any, R], Loose]
    aget_or_none: {name}Lookups[Coroutine[Any, Any, R | None], Loose]
    def order_by(self, *field_names: object) -> Self: ...
    def distinct(self, *field_names: str) -> Self: ...
    async def aupdate(self, **kwargs: Any) -> int: ...
    async def aearliest(self, *fields: Any) -> R: ...
    async def alatest(self, *fields: Any) -> R: ...
    def values(self, *fields: Any, **expressions: Any) -> {name}AnnotatedQuery[dict[str, Any]]: ...
    def into(self, row_class: type[X], /, **paths: str) -> {name}AnnotatedQuery[X]: ...
    @overload
    def values_list(
        self, *fields: Any, flat: Literal[True], named: Literal[False] = ...
    ) -> AsyncQuery[{model}, Any]: ...
    @overload
    def values_list(
        self, *fields: Any, flat: Literal[False] = ..., named: Literal[True]
    ) -> AsyncQuery[{model}, Any]: ...
    @overload
    def values_list(
        self, *fields: Any, flat: bool = ..., named: bool = ...
    ) -> AsyncQuery[{model}, tuple[Any, ...]]: ...
"""


def query_class(model: ModelClass) -> list[str]:
    """Return the class of a model's queries, and the class of those with annotations, which have further names."""
    return [*_QUERY.format(name=model.__name__, model=reference(model)).splitlines(), ""]
