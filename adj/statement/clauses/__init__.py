"""The clauses of queries. Each class has everything that adj knows about its operation.

To add one, write a class in one of these files and list it in `CLAUSES`, which tests go through.
"""

from __future__ import annotations

from adj.statement.clauses.clause import Clause, DjangoQuerySet, Keys, Operands, Role, Words, conditions_of
from adj.statement.clauses.columns import (
    Annotate,
    Dates,
    Datetimes,
    Defer,
    Into,
    ObjectRows,
    Only,
    OrderBy,
    Reverse,
    Values,
    ValuesList,
)
from adj.statement.clauses.relations import Fetching, Prefetch, SelectRelated
from adj.statement.clauses.rows import (
    Among,
    Combine,
    ComplexFilter,
    Distinct,
    Extra,
    Filter,
    KeyedRelation,
    Lock,
    Nothing,
    Slice,
    among_key,
)

__all__ = [
    "CLAUSES",
    "Among",
    "Annotate",
    "Clause",
    "Combine",
    "ComplexFilter",
    "Dates",
    "Datetimes",
    "Defer",
    "Distinct",
    "DjangoQuerySet",
    "Extra",
    "Fetching",
    "Filter",
    "Into",
    "KeyedRelation",
    "Keys",
    "Lock",
    "Nothing",
    "ObjectRows",
    "Only",
    "Operands",
    "OrderBy",
    "Prefetch",
    "Reverse",
    "Role",
    "SelectRelated",
    "Slice",
    "Values",
    "ValuesList",
    "Words",
    "among_key",
    "conditions_of",
]

CLAUSES: tuple[type[Clause], ...] = (
    Filter,
    ComplexFilter,
    Annotate,
    OrderBy,
    Reverse,
    Distinct,
    Values,
    ValuesList,
    Into,
    Dates,
    Datetimes,
    Only,
    Defer,
    SelectRelated,
    Prefetch,
    Lock,
    Extra,
    Nothing,
    Slice,
    Combine,
    Fetching,
    Among,
)
"""All clauses."""
