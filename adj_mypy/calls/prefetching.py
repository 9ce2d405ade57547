"""The arguments of `prefetch_related()`: paths, and `Prefetch` objects with a query and a `to_attr`."""

from __future__ import annotations

from mypy.nodes import AssignmentStmt, CallExpr, Expression, NameExpr, RefExpr, StrExpr
from mypy.types import (
    Instance,
    LiteralType,
    NoneType,
    Type,
    get_proper_type,
)

from adj_mypy.boundary.fullnames import QUERY
from adj_mypy.boundary.syntax import statements_in
from adj_mypy.boundary.types import any_type, map_to_base
from adj_mypy.calls.call import Argument, Call, literal_text
from adj_mypy.row_state.trees import Lookup

QUERYSET = "django.db.models.query.QuerySet"
PREFETCH = "django.db.models.query.Prefetch"


def lookups(call: Call, formal: str = "lookups") -> list[tuple[Lookup, Expression]] | None:
    """Return the lookups of a call; None if one is known only at run time."""
    result: list[tuple[Lookup, Expression]] = []
    for argument in call.arguments(formal):
        lookup = None if argument.is_unpacked else _lookup(call, argument)
        if lookup is None:
            return None
        result.append((lookup, argument.expression))
    return result


def _lookup(call: Call, argument: Argument) -> Lookup | None:
    text = literal_text(argument)
    if text is not None:
        return Lookup(text)
    construction = _origin(call, argument.expression)
    if (
        isinstance(construction, CallExpr)
        and isinstance(construction.callee, RefExpr)
        and construction.callee.fullname == PREFETCH
    ):
        return _written(call, construction)
    return _typed(call, get_proper_type(argument.type))


def _origin(call: Call, expression: Expression) -> Expression:
    """Return the value of a variable that is assigned once: its type does not tell whether it has a `to_attr`."""
    if not isinstance(expression, NameExpr):
        return expression
    values = (
        node.rvalue
        for node in statements_in(call.api.surroundings()[0])
        if isinstance(node, AssignmentStmt) and any(_is_same(target, expression) for target in node.lvalues)
    )
    first = next(values, expression)
    return first if next(values, None) is None else expression


def _is_same(target: Expression, name: NameExpr) -> bool:
    return isinstance(target, NameExpr) and target.node is name.node


def _written(call: Call, construction: CallExpr) -> Lookup | None:
    """Return the lookup of a `Prefetch` that is written in the call."""
    names = ("lookup", "queryset", "to_attr")
    arguments = {
        name or names[at]: part
        for at, (name, part) in enumerate(zip(construction.arg_names, construction.args, strict=True))
    }
    path = _text(call, arguments.get("lookup"))
    to_attr = _text(call, arguments.get("to_attr"))
    if path is None or (to_attr is None and "to_attr" in arguments and not _is_none(arguments["to_attr"])):
        return None
    query = arguments.get("queryset")
    return Lookup(path, None if query is None or _is_none(query) else _row(call.api.type_of(query)), to_attr)


def _typed(call: Call, prefetch: Type) -> Lookup | None:
    """Return the lookup of a `Prefetch` in a variable, as far as its type tells."""
    if not isinstance(prefetch, Instance) or prefetch.type.fullname != PREFETCH or len(prefetch.args) != 3:
        return None
    lookup, query, to_attr = (get_proper_type(part) for part in prefetch.args)
    path, name = _literal(lookup), _literal(to_attr)
    if path is None or (name is None and not _is_nothing(to_attr)):
        return None
    return Lookup(path, None if _is_nothing(query) else _row(query), name)


def _row(typ: Type | None) -> Type | None:
    """Return the type of a query's rows; those of a QuerySet may have anything loaded."""
    proper = get_proper_type(typ)
    base = map_to_base(proper, QUERY) if isinstance(proper, Instance) else None
    if base is not None and len(base.args) == 2:
        return base.args[1]
    if isinstance(proper, Instance) and proper.args:
        return proper.args[-1]
    return any_type()


def _text(call: Call, part: Expression | None) -> str | None:
    if part is None:
        return None
    if isinstance(part, StrExpr):
        return part.value
    return _literal(get_proper_type(call.api.type_of(part)))


def _literal(typ: Type | None) -> str | None:
    if isinstance(typ, Instance) and typ.last_known_value is not None:
        typ = typ.last_known_value
    return typ.value if isinstance(typ, LiteralType) and isinstance(typ.value, str) else None


def _is_none(part: Expression) -> bool:
    return isinstance(part, NameExpr) and part.fullname == "builtins.None"


def _is_nothing(typ: Type) -> bool:
    return isinstance(get_proper_type(typ), NoneType)
