"""Assigning another row to a variable: `book = await q(Book).aget()` after a query with its author.

mypy infers the type of a variable from its first value and narrows it to each later one, but never widens it: the
variable would still have an author. So its type becomes what both rows have, and mypy narrows that to the second one.

A row without annotations does not fit a variable whose first row has some, although the variable is a book. There the
state of the value is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial, reduce
from typing import Final

from mypy.nodes import (
    AssignmentExpr,
    AssignmentStmt,
    AwaitExpr,
    CallExpr,
    Context,
    Expression,
    ForStmt,
    IfStmt,
    MemberExpr,
    NameExpr,
    Node,
    TupleExpr,
    Var,
    WhileStmt,
)
from mypy.types import Instance, TupleType, Type, UnionType, get_proper_type

from adj_mypy.boundary.api import Api
from adj_mypy.boundary.fullnames import QUERY
from adj_mypy.boundary.syntax import nodes_in, statements_in
from adj_mypy.boundary.types import is_proper_subtype, is_subtype, join_types
from adj_mypy.models.project import Project
from adj_mypy.row_state.row_types import open_row, replace_rows, with_rows

ITERATED: Final = frozenset({"__iter__", "__aiter__"})
ITEM_METHODS: Final = frozenset({*ITERATED, "__getitem__"})
"""The methods that pass an item to a variable."""

COROUTINE: Final = "typing.Coroutine"

COLLECTIONS: Final = frozenset(
    {
        *("builtins.list", "builtins.tuple", "builtins.dict", "builtins.set", "builtins.frozenset"),
        *("typing.Iterable", "typing.Iterator", "typing.Sequence", "typing.Mapping", "typing.ValuesView"),
    }
)


@dataclass(frozen=True, slots=True)
class Targets:
    """The variables that values are assigned to in a function or module.

    The keys are the expression of the value, and whether the variable gets its items. `refitted` are the values that
    did not fit: mypy checks an expression several times, and the later times see the widened variable.
    """

    variables: Mapping[tuple[Node, bool], Expression]
    refitted: set[Node]


def fitting(project: Project, api: Api, at: Context, name: str, result: Type) -> Type:
    """Return the result of a call; without the state of its rows if they do not fit the assigned variable."""
    if not api.is_checker or not isinstance(at, Expression):
        return result
    targets = _targets(*api.surroundings())
    target = targets.variables.get((at, name in ITERATED))
    declared = None if target is None else _declared(api, target)
    if target is None or declared is None:
        return result
    taken, put = _value(result, name)
    if at not in targets.refitted and is_subtype(taken, declared):
        if not is_proper_subtype(taken, declared):
            _declare(api, target, common(project, declared, taken))
        return result
    plain = with_rows(project, api, taken, None)
    if at not in targets.refitted and not is_subtype(plain, declared):
        others = _with_other_names(project, api, taken)
        return next((put(other) for other in others if is_subtype(other, declared)), result)
    targets.refitted.add(at)
    # A list of rows cannot be narrowed, so the state of its rows is forgotten from here on.
    _declare(api, target, with_rows(project, api, declared, None))
    return put(plain)


def _declare(api: Api, target: Expression, typ: Type) -> None:
    """Replace the type of a variable, if mypy inferred it."""
    if isinstance(target, NameExpr) and isinstance(target.node, Var) and target.node.is_inferred:
        api.declare(target.node, typ)


def common(project: Project, declared: Type, taken: Type) -> Type:
    """Return the type of a variable whose rows have what both its own and the assigned ones have."""
    one, other = get_proper_type(declared), get_proper_type(taken)
    if isinstance(one, UnionType):
        return UnionType.make_union([common(project, item, taken) for item in one.items])
    if isinstance(other, UnionType):
        return reduce(partial(common, project), other.items, declared)
    if isinstance(one, TupleType) and isinstance(other, TupleType) and len(one.items) == len(other.items):
        return one.copy_modified(items=list(map(partial(common, project), one.items, other.items)))
    if not isinstance(one, Instance) or not isinstance(other, Instance) or one.type is not other.type:
        return declared
    if project.model_of(one) is not None:
        return join_types(declared, taken)
    return one.copy_modified(args=list(map(partial(common, project), one.args, other.args)))


def _with_other_names(project: Project, api: Api, taken: Type) -> Iterator[Type]:
    """Yield the type with other names: open to later clauses, and with rows that may have any attribute."""
    query = get_proper_type(taken)
    is_query = isinstance(query, Instance) and query.type.fullname == QUERY
    opened = replace_rows(project, taken, lambda model, _: open_row(project, api, model))
    if not is_query or not isinstance(query, Instance) or not isinstance(opened, Instance):
        yield opened
        return
    model = with_rows(project, api, query.args[0], None)
    yield query.copy_modified(args=[model, query.args[1]])
    yield query.copy_modified(args=[model, opened.args[1]])


def _declared(api: Api, target: Expression) -> Type | None:
    """Return the type of a variable before the assignment; None if it has none yet."""
    if isinstance(target, NameExpr):
        return target.node.type if isinstance(target.node, Var) and not target.is_inferred_def else None
    return api.type_of(target)


def _value(result: Type, name: str) -> tuple[Type, Callable[[Type], Type]]:
    """Return the part of a call's result that a variable gets, and a function that replaces that part."""
    proper = get_proper_type(result)
    if not isinstance(proper, Instance) or not proper.args:
        return result, _itself
    # The last argument of a coroutine, the first of an iterator.
    at = 0 if name in ITERATED else len(proper.args) - 1
    if name not in ITERATED and proper.type.fullname != COROUTINE:
        return result, _itself
    wrapped = proper
    return proper.args[at], lambda typ: wrapped.copy_modified(
        args=[typ if place == at else argument for place, argument in enumerate(wrapped.args)]
    )


def _made_in_condition(node: IfStmt | WhileStmt) -> Iterator[AssignmentExpr]:
    """Yield the `book := ...` in a condition, their usual place; searching every expression would be slow."""
    for condition in node.expr if isinstance(node, IfStmt) else [node.expr]:
        yield from (part for part in nodes_in(condition) if isinstance(part, AssignmentExpr))


def _itself(typ: Type) -> Type:
    return typ


@lru_cache(maxsize=4)
def _targets(around: Node, body: object) -> Targets:
    variables: dict[tuple[Node, bool], Expression] = {}
    for node in statements_in(around):
        if isinstance(node, AssignmentStmt) and len(node.lvalues) == 1:
            variables.update(((value, False), target) for value, target in _pairs(node.lvalues[0], node.rvalue))
        elif isinstance(node, (IfStmt, WhileStmt)):
            variables.update(
                ((_awaited(assignment.value), False), assignment.target) for assignment in _made_in_condition(node)
            )
        elif isinstance(node, ForStmt):
            variables[node.expr, True] = node.index
    return Targets(variables, set())


def _pairs(target: Expression, value: Expression) -> Iterator[tuple[Expression, Expression]]:
    """Yield values and their targets: `books, tags = await gather(q(Book).run(), q(Tag).run())`."""
    awaited = _awaited(value)
    match awaited:
        case TupleExpr(items=values):
            pass
        case CallExpr(callee=NameExpr(name="gather") | MemberExpr(name="gather"), args=values):
            pass
        case _:
            values = []
    if isinstance(target, TupleExpr) and len(target.items) == len(values):
        yield from ((_awaited(each), item) for each, item in zip(values, target.items, strict=True))
    yield awaited, target


def _awaited(value: Expression) -> Expression:
    return value.expr if isinstance(value, AwaitExpr) else value
