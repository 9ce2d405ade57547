"""A variable that is given another row, which carries less: `book = await q(Book).aget()` where it had its author.

mypy gives a variable the type of its first value, and would refuse the second. But this is no mistake: the variable is
a book. So where a value goes to a variable that it does not fit for what it carries alone, nothing is known of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
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
from mypy.types import Instance, Type, get_proper_type

from adj_mypy.boundary.api import Api
from adj_mypy.boundary.fullnames import QUERY
from adj_mypy.boundary.syntax import nodes_in, statements_in
from adj_mypy.boundary.types import is_subtype
from adj_mypy.models.project import Project
from adj_mypy.row_state.row_types import open_row, replace_rows, with_rows

ITERATED: Final = frozenset({"__iter__", "__aiter__"})
TAKEN: Final = frozenset({*ITERATED, "__getitem__"})
"""The methods by which a variable gets an item."""

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

    They are found by the expression of the value, and by whether they get what is iterated over it. `refitted` are the
    values that did not fit: mypy asks about an expression several times, and later ones see the variable widened.
    """

    variables: Mapping[tuple[Node, bool], Expression]
    refitted: set[Node]


def fitting(project: Project, api: Api, at: Context, name: str, result: Type) -> Type:
    """The result of a call, with rows that fit the variable that it is assigned to, if only that is wrong."""
    if not api.is_checker or not isinstance(at, Expression):
        return result
    targets = _targets(*api.surroundings())
    target = targets.variables.get((at, name in ITERATED))
    declared = None if target is None else _declared(api, target)
    if target is None or declared is None:
        return result
    taken, put = _value(result, name)
    if at not in targets.refitted and is_subtype(taken, declared):
        return result
    plain = with_rows(project, api, taken, None)
    if at not in targets.refitted and not is_subtype(plain, declared):
        others = _with_other_names(project, api, taken)
        return next((put(other) for other in others if is_subtype(other, declared)), result)
    targets.refitted.add(at)
    if isinstance(target, NameExpr) and isinstance(target.node, Var) and target.node.is_inferred:
        # What a list of rows carries cannot be narrowed, so that nothing may be known of the variable from here on.
        api.declare(target.node, with_rows(project, api, declared, None))
    return put(plain)


def _with_other_names(project: Project, api: Api, taken: Type) -> Iterator[Type]:
    """The same where later clauses may name anything; and with rows that may have any attribute."""
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
    """The type of a variable before it is assigned; None where it has none yet."""
    if isinstance(target, NameExpr):
        return target.node.type if isinstance(target.node, Var) and not target.is_inferred_def else None
    return api.type_of(target)


def _value(result: Type, name: str) -> tuple[Type, Callable[[Type], Type]]:
    """What a variable gets of the result of a call, and how the result looks with something else in its place."""
    proper = get_proper_type(result)
    if not isinstance(proper, Instance) or not proper.args:
        return result, _itself
    # A coroutine gives its last argument, an iterator its first.
    at = 0 if name in ITERATED else len(proper.args) - 1
    if name not in ITERATED and proper.type.fullname != COROUTINE:
        return result, _itself
    wrapped = proper
    return proper.args[at], lambda typ: wrapped.copy_modified(
        args=[typ if place == at else argument for place, argument in enumerate(wrapped.args)]
    )


def _made_in_condition(node: IfStmt | WhileStmt) -> Iterator[AssignmentExpr]:
    """The `book := ...` of a condition, which is where they stand as a rule; every expression would take too long."""
    for condition in node.expr if isinstance(node, IfStmt) else [node.expr]:
        yield from (part for part in nodes_in(condition) if isinstance(part, AssignmentExpr))


def _itself(typ: Type) -> Type:
    return typ


@lru_cache(maxsize=4)
def _targets(around: Node, body: object) -> Targets:
    found: dict[tuple[Node, bool], Expression] = {}
    for node in statements_in(around):
        if isinstance(node, AssignmentStmt) and len(node.lvalues) == 1:
            found.update(((value, False), target) for value, target in _pairs(node.lvalues[0], node.rvalue))
        elif isinstance(node, (IfStmt, WhileStmt)):
            found.update(((_awaited(made.value), False), made.target) for made in _made_in_condition(node))
        elif isinstance(node, ForStmt):
            found[node.expr, True] = node.index
    return Targets(found, set())


def _pairs(target: Expression, value: Expression) -> Iterator[tuple[Expression, Expression]]:
    """The values of an assignment and what gets them: `books, tags = await gather(q(Book).run(), q(Tag).run())`."""
    given = _awaited(value)
    match given:
        case TupleExpr(items=values):
            pass
        case CallExpr(callee=NameExpr(name="gather") | MemberExpr(name="gather"), args=values):
            pass
        case _:
            values = []
    if isinstance(target, TupleExpr) and len(target.items) == len(values):
        yield from ((_awaited(each), item) for each, item in zip(values, target.items, strict=True))
    yield given, target


def _awaited(value: Expression) -> Expression:
    return value.expr if isinstance(value, AwaitExpr) else value
