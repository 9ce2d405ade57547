"""Where the expressions of a function stand: whose truth value is read, which are awaited, and what variables hold.

This is one pass over the syntax of a function; the types are up to the caller.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from mypy.nodes import (
    GDEF,
    LDEF,
    Argument,
    AssertStmt,
    AssignmentExpr,
    AssignmentStmt,
    AwaitExpr,
    CallExpr,
    ConditionalExpr,
    Context,
    DictionaryComprehension,
    Expression,
    ForStmt,
    FuncItem,
    GeneratorExpr,
    IfStmt,
    ListExpr,
    MatchStmt,
    MemberExpr,
    MypyFile,
    NameExpr,
    Node,
    OperatorAssignmentStmt,
    OpExpr,
    StarExpr,
    TryStmt,
    TupleExpr,
    UnaryExpr,
    Var,
    WhileStmt,
    WithStmt,
)

from adj_mypy.boundary.syntax import nodes_in

_PATTERNS = ("pattern", "patterns", "values", "positionals", "keyword_values", "capture", "rest", "name")
"""The attributes of patterns with other patterns, and with the variables that they assign."""


@dataclass(frozen=True, slots=True)
class Positions:
    """The positions of expressions in a function or module.

    `values` are expressions that are assigned to variables, `sources` are the values of variables, and `assignments`
    counts the assignments of each variable, parameters included.
    """

    scope: int
    """Where the variables are defined whose values are known: elsewhere, other code may assign them."""

    tested: set[Node] = field(default_factory=set[Node])
    tested_names: list[NameExpr | MemberExpr] = field(default_factory=list[NameExpr | MemberExpr])
    awaited: set[Node] = field(default_factory=set[Node])
    values: dict[Node, Var] = field(default_factory=dict[Node, Var])
    sources: dict[Var, Expression] = field(default_factory=dict[Var, Expression])
    assignments: dict[Var, int] = field(default_factory=dict[Var, int])

    def fixed_variable(self, value: Context) -> Var | None:
        """Return the variable that a value is assigned to, if nothing else is ever assigned to it."""
        variable = self.values.get(value) if isinstance(value, Node) else None
        return variable if variable is not None and self.assignments[variable] == 1 else None

    def value_of(self, name: NameExpr) -> Expression | None:
        """Return the value of a variable, if nothing else is ever assigned to it."""
        variable = name.node
        if not isinstance(variable, Var) or self.assignments.get(variable) != 1:
            return None
        return self.sources.get(variable)


@lru_cache(maxsize=4)
def positions(around: Node, body: object) -> Positions:
    """Return the positions in a function or module, and in the functions inside it."""
    found = Positions(GDEF if isinstance(around, MypyFile) else LDEF)
    for node in nodes_in(around):
        if isinstance(node, AwaitExpr):
            found.awaited.add(node.expr)
        elif isinstance(node, AssignmentExpr):
            _add_value(found, node.value, node.target)
        elif isinstance(node, AssignmentStmt):
            for target in node.lvalues:
                _add_value(found, node.rvalue, target)
        else:
            for assigned in _targets(node):
                _count(found, assigned)
        for condition in _conditions(node):
            found.tested.update(_operands(condition))
    found.tested_names.extend(node for node in found.tested if isinstance(node, (NameExpr, MemberExpr)))
    return found


def _add_value(found: Positions, value: Expression, target: Expression) -> None:
    if isinstance(target, NameExpr) and isinstance(target.node, Var) and target.kind == found.scope:
        found.values[value] = target.node
        found.sources[target.node] = value
    _count(found, target)


def _count(found: Positions, target: object) -> None:
    for variable in _variables(target):
        found.assignments[variable] = found.assignments.get(variable, 0) + 1


def _variables(target: object) -> Iterator[Var]:
    match target:
        case NameExpr(node=Var() as variable) | Argument(variable=variable):
            yield variable
        case TupleExpr(items=items) | ListExpr(items=items):
            for item in items:
                yield from _variables(item)
        case StarExpr(expr=inner):
            yield from _variables(inner)
        case _:
            return


def _targets(node: Node) -> Iterator[object]:
    """Yield what a statement or comprehension assigns to."""
    match node:
        case OperatorAssignmentStmt(lvalue=target) | ForStmt(index=target):
            yield target
        case WithStmt():
            yield from node.target
        case TryStmt():
            yield from node.vars
        case GeneratorExpr() | DictionaryComprehension():
            yield from node.indices
        case FuncItem():
            yield from node.arguments
        case MatchStmt():
            for pattern in node.patterns:
                yield from _captured(pattern)
        case _:
            return


def _captured(pattern: object) -> Iterator[object]:
    for name in _PATTERNS:
        part: object = getattr(pattern, name, None)
        for each in part if isinstance(part, list) else [part]:
            if isinstance(each, NameExpr):
                yield each
            elif isinstance(each, Node):
                yield from _captured(each)


def _conditions(node: Node) -> Iterator[Expression]:
    """Yield the expressions whose truth value a node reads."""
    match node:
        case IfStmt():
            yield from node.expr
        case WhileStmt(expr=condition) | AssertStmt(expr=condition) | ConditionalExpr(cond=condition):
            yield condition
        case UnaryExpr(op="not", expr=condition) | OpExpr(op="and" | "or", left=condition):
            yield condition
        case GeneratorExpr() | DictionaryComprehension():
            yield from (condition for each in node.condlists for condition in each)
        case MatchStmt():
            yield from (guard for guard in node.guards if guard is not None)
        case CallExpr(callee=NameExpr(fullname="builtins.bool"), args=[condition]):
            yield condition
        case _:
            return


def _operands(condition: Expression) -> Iterator[Expression]:
    """Yield a condition and the expressions that may be its value."""
    yield condition
    match condition:
        case OpExpr(op="and" | "or", right=right):
            yield from _operands(right)
        case ConditionalExpr(if_expr=one, else_expr=other):
            yield from _operands(one)
            yield from _operands(other)
        case AssignmentExpr(value=value):
            yield from _operands(value)
        case _:
            return
