"""The rows of `into()`: the names and types of a class's fields, compared with the columns of the query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mypy.nodes import Expression
from mypy.types import AnyType, Instance, LiteralType, NoneType, Type, UnionType, get_proper_type

from adj.errors import QueryError
from adj.schema.paths import ResolvedPath, ends_in_lookup, resolve
from adj.schema.row_types import KINDS
from adj_mypy.boundary.codes import LOOKUP, SHAPE, VALUE, ErrorCode
from adj_mypy.boundary.fullnames import MODEL
from adj_mypy.boundary.row_classes import ClassField, RowClass, row_class
from adj_mypy.boundary.types import is_subtype, make_simplified_union
from adj_mypy.boundary.words import suggestion, type_text
from adj_mypy.calls.call import Argument, Call, Query, literal_text
from adj_mypy.expressions.names import NO_NAMES
from adj_mypy.lookups import annotated_paths, paths
from adj_mypy.models.fields import type_of_path, without_none
from adj_mypy.models.project import ModelClass, relations, target_of


def into(call: Call) -> Type:
    """`into()`: objects of a class, whose fields are columns."""
    query, result = call.query, get_proper_type(call.result)
    given = call.positional()
    if query is None or not given or not isinstance(result, Instance):
        return call.result
    row = get_proper_type(result.args[-1])
    described = row_class(row)
    if described is not None:
        named = {each.keyword: each for each in call.arguments("paths") if each.keyword is not None}
        has_unknown = any(each.is_unpacked or each.keyword is None for each in call.arguments("paths"))
        _check_keywords(call, described, named)
        checker = _Checker(call, query, given[0].expression, {} if has_unknown else named)
        if not has_unknown:
            checker.check(described, query.model, is_own=True)
    elif isinstance(row, Instance) and (row.type.fullname.startswith("builtins.") or row.type.has_base(MODEL)):
        got = type_text(call.api, row)
        call.fail(f"into() expects {KINDS}, got {got}", given[0].expression, SHAPE)
    return call.query_type(row=row)


def _check_keywords(call: Call, described: RowClass, named: Mapping[str, Argument]) -> None:
    names = [field.name for field in described.fields]
    for name, argument in named.items():
        if name not in names:
            message = f'{described.name} has no field "{name}"{suggestion(name, names)}'
            call.fail(message, argument.expression, LOOKUP)


@dataclass(frozen=True, slots=True)
class _Checker:
    """Compares the fields of a class with the columns of a model."""

    call: Call
    query: Query
    at: Expression
    named: Mapping[str, Argument]

    def check(self, described: RowClass, model: ModelClass, *, is_own: bool, holders: tuple[str, ...] = ()) -> None:
        """Report the fields that are not columns, and those of another type; `is_own`: of the query's own model."""
        if described.name in holders:
            self._fail(f"{described.name} contains itself", SHAPE)
            return
        for field in described.fields:
            self._check_field(described, field, model, is_own=is_own, holders=(*holders, described.name))

    def _fail(self, message: str, code: ErrorCode) -> None:
        self.call.fail(message, self.at, code)

    def _check_field(
        self, described: RowClass, field: ClassField, model: ModelClass, *, is_own: bool, holders: tuple[str, ...]
    ) -> None:
        argument = self.named.get(field.name) if is_own else None
        path = field.name if argument is None else literal_text(argument)
        if path is None:
            return
        label, known = f"{described.name}.{field.name}", self.query.known.annotations if is_own else NO_NAMES
        if path in known:
            self._check_type(label, field, known[path], f'the annotation "{path}"')
            return
        if is_own and (path in self.query.known.aliases or annotated_paths.split(path, known) is not None):
            return
        has_default = not field.is_required and argument is None
        try:
            resolved = resolve(model, path)
        except QueryError as error:
            if not has_default and not (is_own and paths.may_be_annotated(self.call, error, known)):
                self._fail(f"{label}: {paths.problem(self.call, error, known)}", LOOKUP)
            return
        if has_default and (resolved.is_to_many or not _is_column(resolved)):
            return
        if not _is_column(resolved):
            self._fail(f'{label}: "{path}" of {model.__name__} is not a column', LOOKUP)
            return
        self._check_resolved(label, field, resolved, holders)

    def _check_resolved(self, label: str, field: ClassField, resolved: ResolvedPath, holders: tuple[str, ...]) -> None:
        source = f'"{resolved.path}" of {resolved.model.__name__}'
        inner = _inner(field.type) if resolved.field.is_relation and not resolved.transforms else None
        related = resolved.field.related_model
        if inner is None or related is None:
            column = type_of_path(self.call.project, self.call.api, resolved)
            self._check_type(label, field, column, source)
            return
        if resolved.is_to_many:
            self._fail(f"{label}: {source} leads to several rows", SHAPE)
        elif resolved.is_nullable and not _accepts_none(field.type):
            self._fail_of_none(label, field, source)
        else:
            self.check(inner, related, is_own=False, holders=holders)

    def _check_type(self, label: str, field: ClassField, column: Type, source: str) -> None:
        if isinstance(get_proper_type(field.type), AnyType):
            return
        expected = _with_plain_types(field.type)
        if field.is_converted:
            # Only the class knows what it converts, such as pydantic's; None it rarely does.
            return
        if is_subtype(column, expected):
            return
        if is_subtype(without_none(column), expected):
            self._fail_of_none(label, field, source)
            return
        shown, got = (type_text(self.call.api, typ) for typ in (field.type, column))
        self._fail(f"{label} is {shown}, but {source} is {got}", VALUE)

    def _fail_of_none(self, label: str, field: ClassField, source: str) -> None:
        shown = type_text(self.call.api, field.type)
        self._fail(f"{label} is {shown}, but {source} may be None", VALUE)


def _is_column(resolved: ResolvedPath) -> bool:
    relation = relations(resolved.field.model).get(resolved.field.name) if resolved.field.is_relation else None
    return not ends_in_lookup(resolved.path, resolved.lookup) and (relation is None or target_of(relation) is not None)


def _inner(typ: Type) -> RowClass | None:
    """Return the row class of a relation's field, which may be optional."""
    return next((found for member in _members(typ) if (found := row_class(member)) is not None), None)


def _members(typ: Type) -> list[Type]:
    proper = get_proper_type(typ)
    return list(proper.items) if isinstance(proper, UnionType) else [typ]


def _accepts_none(typ: Type) -> bool:
    return any(isinstance(get_proper_type(member), (NoneType, AnyType)) for member in _members(typ))


def _with_plain_types(typ: Type) -> Type:
    """Return a type with `str` in place of its literals, and the types that `NewType` is based on."""
    return make_simplified_union([_plain(member) for member in _members(typ)])


def _plain(typ: Type) -> Type:
    proper = get_proper_type(typ)
    if isinstance(proper, LiteralType) and not proper.is_enum_literal():
        return proper.fallback
    if isinstance(proper, Instance) and proper.type.is_newtype:
        return proper.type.bases[0]
    return typ
