"""The order of a query as SQL, to compare it with Django's order and to identify it in cursors.

Private Django API used here: `Query.get_compiler`, `SQLCompiler.pre_sql_setup`, `.having`, `.compile`,
`Query.alias_map`, `Query.annotation_select`, `Query.annotations`, `Query.group_by`, `Query.where`, `Join.join_cols`,
`Join.filtered_relation`, `Ref.source`, `ColPairs.get_cols`, `Expression.set_returning`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from django.core.exceptions import EmptyResultSet, FieldError, FullResultSet
from django.db.models import ForeignKey, Value
from django.db.models.expressions import Col, ColPairs, OrderBy, Ref
from django.db.models.functions import Cast
from django.db.models.sql.datastructures import Join
from django.db.models.sql.query import Query

from adj.compiler.django.dialect import Dialect
from adj.django_types import AnyField

_CONSTANT: Final = re.compile(r"%s|-?[\d.]+|NULL|TRUE|FALSE|EmptyResultSet|FullResultSet", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Term:
    """One term of an ORDER BY: its SQL, its parameters as text, and its direction.

    `sql` has the paths of tables in place of their aliases; `django_sql` is the SQL as Django writes it, for messages.
    """

    sql: str
    parameters: tuple[str, ...]
    descending: bool
    nulls_first: bool | None
    # The order of two queries is the same whatever the aliases are, and the text of a term marks the order in cursors.
    django_sql: str = field(compare=False, repr=False)

    @property
    def what(self) -> tuple[str, tuple[str, ...]]:
        """The expression without its direction."""
        return self.sql, self.parameters

    @property
    def is_constant(self) -> bool:
        """Whether the term is the same for all rows, so that it does not sort."""
        return _CONSTANT.fullmatch(self.sql) is not None


class CompiledOrder:
    """A query that is compiled as far as its joins, groups and order.

    Joined tables are identified by their paths, since their aliases depend on other filters.
    """

    def __init__(self, query: Query, dialect: Dialect) -> None:
        self.query = query.clone()
        self._quote: Callable[[str], str] = dialect.wrapper.ops.quote_name
        self._compiler = self.query.get_compiler(using=dialect.alias)
        _, order, _ = self._compiler.pre_sql_setup()
        self._paths = _paths(self.query)
        self._referring = _referring(self.query)
        self._columns = self._pattern()
        self.order = [term for node, _ in order for term in self._terms(node)]

    def term(self, node: object, descending: bool, nulls_first: bool | None) -> Term:
        """The term of a resolved expression."""
        sql, parameters = self._compiled(node)
        return Term(self._with_paths(sql), parameters, descending, nulls_first, sql)

    def resolved_again(self, term: Term, node: Any) -> Term:
        """The same term as Django writes it when sorting by the name of an annotation."""
        node = node.resolve_expression(self.query, allow_joins=True, reuse=None)
        return self.term(node, term.descending, term.nulls_first)

    def groups(self, nodes: Iterable[Any]) -> str:
        """The conditions of the query if a node is an aggregate, whose value depends on them."""
        if not any(node.contains_aggregate for node in nodes):
            return ""
        sql, parameters = self._compiled(self.query.where)
        return f"{self._with_paths(sql)} {parameters}"

    def distinguishing_aliases(self) -> set[str]:
        """The joined tables whose rows multiply result rows: all, or those in GROUP BY or DISTINCT."""
        if self.query.group_by is not None:
            having = self._compiler.having
            nodes = [*self.query.annotations.values(), *([having] if having is not None else [])]
        elif self.query.distinct:
            nodes = [*self.query.annotation_select.values()]
        else:
            return set(self.query.alias_map)
        keys = [node for name, node in self.query.annotations.items() if name.startswith("adj_key_")]
        columns = (column for node in (*nodes, *keys) for column in node.get_group_by_cols())
        return {alias for column in columns for alias in _aliases_in(column)}

    def returns_sets(self) -> bool:
        """Whether a function in the query returns a set."""
        return any(
            getattr(node, "set_returning", False) for root in self.query.annotations.values() for node in _nodes(root)
        )

    def _terms(self, order: OrderBy) -> Iterator[Term]:
        # django-stubs do not declare `Ref.source`.
        expression: Any = order.expression
        node = expression.source if isinstance(order.expression, Ref) else expression
        nulls_first = True if order.nulls_first else False if order.nulls_last else None
        # Django casts constants.
        is_cast = isinstance(node, Cast) and isinstance(node.get_source_expressions()[0], Value)
        for part in node.get_cols() if isinstance(node, ColPairs) else (node,):
            term = self.term(part, order.descending, nulls_first)
            if not is_cast and not term.is_constant:
                yield term

    def _compiled(self, node: object) -> tuple[str, tuple[str, ...]]:
        """The SQL of a node, and its parameters in a form that is the same in every process."""
        try:
            sql, parameters = self._compiler.compile(node)
        except (EmptyResultSet, FullResultSet) as error:
            return type(error).__name__, ()
        return sql, tuple(map(_value_text, parameters))

    def _with_paths(self, sql: str) -> str:
        """SQL with the paths of tables in place of their aliases."""
        return self._columns.sub(self._column, sql)

    def _column(self, match: re.Match[str]) -> str:
        """A column with the path of its table; for a related row's key, the column that refers to it."""
        alias, column = match[1] or match[2], match[3]
        while (referring := self._referring.get((alias, column))) is not None:
            alias, column = referring
        return f"<{self._paths[alias]}>.{column}"

    def _pattern(self) -> re.Pattern[str]:
        """The pattern of a column with the alias of its table."""
        aliases = "|".join(map(re.escape, sorted(self._paths, key=len, reverse=True))) or "(?!)"
        mark = re.escape(self._quote("x")[0])
        return re.compile(rf"(?:{mark}({aliases}){mark}|(?<![\w{mark}])({aliases}))\.{mark}([^{mark}]+){mark}")


def output_field_of(node: object) -> AnyField | None:
    """The output field of an expression; None if Django does not know it."""
    try:
        return getattr(node, "output_field", None)
    except FieldError:
        return None


def _paths(query: Query) -> dict[str, str]:
    """The path of each table of a query, by alias."""
    paths: dict[str, str] = {}
    for alias, table in query.alias_map.items():
        if isinstance(table, Join):
            condition = "" if table.filtered_relation is None else f" {table.filtered_relation.condition}"
            paths[alias] = f"{paths[table.parent_alias]}>{table.table_name}{table.join_cols}{condition}"
        else:
            paths[alias] = table.table_name
    return paths


def _referring(query: Query) -> dict[tuple[str, str], tuple[str, str]]:
    """The foreign key columns of joins, by the columns that they refer to.

    Django sorts by either column, depending on whether the order comes from a related model's Meta or from a path.
    """
    return {
        (alias, right): (join.parent_alias, left)
        for alias, join in query.alias_map.items()
        if isinstance(join, Join) and isinstance(join.join_field, ForeignKey) and join.filtered_relation is None
        for left, right in join.join_cols
    }


def _value_text(value: object) -> str:
    if isinstance(value, memoryview):
        value = bytes(value)
    # The repr of a driver's JSON wrapper contains an address.
    value = getattr(value, "obj", value)
    return f"{type(value).__name__} {value!r}"


def _nodes(node: object) -> Iterator[object]:
    """An expression and all nested expressions."""
    yield node
    for source in getattr(node, "get_source_expressions", list)():
        if source is not None:
            yield from _nodes(source)


def _aliases_in(node: object) -> Iterator[str]:
    return (column.alias for column in _nodes(node) if isinstance(column, (Col, ColPairs)))
