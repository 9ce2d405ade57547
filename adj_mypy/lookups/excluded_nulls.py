"""Which names are not NULL where a condition holds: `ArrayAgg("books__title", filter=Q(books__isnull=False))`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.db.models import Q
from mypy.nodes import ARG_NAMED, ARG_POS, CallExpr, Expression, NameExpr, OpExpr

from adj.errors import QueryError
from adj.schema.paths import resolve
from adj_mypy.expressions.evaluate import expression_class
from adj_mypy.models.project import SEPARATOR, ModelClass, target_of

_IS_NULL: Final = f"{SEPARATOR}isnull"


def excludes_null(aggregate: Expression, model: ModelClass, path: str) -> bool:
    """Return whether the `filter` of an aggregate excludes all rows where a path is NULL."""
    if not isinstance(aggregate, CallExpr) or "filter" not in aggregate.arg_names:
        return False
    condition = aggregate.args[aggregate.arg_names.index("filter")]
    return any(_implies(model, name, path) for name in _not_null(condition))


def _not_null(condition: Expression) -> Iterator[str]:
    """Yield the paths that a condition requires not to be NULL."""
    if isinstance(condition, OpExpr) and condition.op == "&":
        yield from _not_null(condition.left)
        yield from _not_null(condition.right)
    if not isinstance(condition, CallExpr) or expression_class(condition.callee) is not Q:
        return
    if not {"_connector", "_negated"} & set(condition.arg_names):
        for kind, name, value in zip(condition.arg_kinds, condition.arg_names, condition.args, strict=True):
            if kind == ARG_POS:
                yield from _not_null(value)
            elif kind == ARG_NAMED and name is not None and name.endswith(_IS_NULL) and _is_false(value):
                yield name.removesuffix(_IS_NULL)


def _is_false(value: Expression) -> bool:
    return isinstance(value, NameExpr) and value.fullname == "builtins.False"


def _implies(model: ModelClass, name: str, path: str) -> bool:
    """Return whether a path is not NULL where a name is not: the same one, or a column of a related row that exists."""
    if name == path:
        return True
    for prefix in (name, name.rpartition(SEPARATOR)[0]):
        if prefix and path.startswith(prefix + SEPARATOR):
            return _is_column_of(model, prefix, path.removeprefix(prefix + SEPARATOR))
    return False


def _is_column_of(model: ModelClass, relation: str, rest: str) -> bool:
    """Return whether a column of related rows is never NULL if they exist."""
    try:
        target = target_of(resolve(model, relation).field)
        return target is not None and not resolve(target, rest).is_nullable
    except QueryError:
        return False
