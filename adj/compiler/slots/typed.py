"""Whether the server can infer the type of each parameter of a statement, as prepared statements require.

It can if a column of a plain type is compared with the parameter. In a `CASE`, a `LIMIT` or a `GROUP BY` a parameter
has no type, or would have to be the same as another parameter.
"""

from __future__ import annotations

import re

from django.db import models
from django.db.models.expressions import Col
from django.db.models.fields.related_lookups import (
    RelatedExact,
    RelatedGreaterThan,
    RelatedGreaterThanOrEqual,
    RelatedIn,
    RelatedLessThan,
    RelatedLessThanOrEqual,
)
from django.db.models.lookups import (
    Contains,
    EndsWith,
    In,
    Range,
    StartsWith,
)

from adj.compiler.slots.passing import COMPARISONS
from adj.compiler.slots.slots import Rendering

_COMPARISONS = COMPARISONS | {
    *(In, Range, Contains, StartsWith, EndsWith),
    *(RelatedExact, RelatedGreaterThan, RelatedGreaterThanOrEqual, RelatedIn),
    *(RelatedLessThan, RelatedLessThanOrEqual),
}
_FIELDS = frozenset(
    {
        *(models.AutoField, models.BigAutoField, models.SmallAutoField),
        *(models.IntegerField, models.BigIntegerField, models.SmallIntegerField),
        *(models.PositiveIntegerField, models.PositiveBigIntegerField, models.PositiveSmallIntegerField),
        *(models.CharField, models.TextField, models.SlugField, models.EmailField, models.URLField),
        *(models.BooleanField, models.DateField, models.DateTimeField, models.DecimalField, models.FloatField),
        models.UUIDField,
    }
)
# What may follow the conditions of a WHERE.
_AFTER_CONDITIONS = re.compile(r" (?:GROUP BY|HAVING|ORDER BY|UNION|INTERSECT|EXCEPT|LIMIT) ")


def is_typed(sql: str, renderings: list[Rendering]) -> bool:
    """Whether all parameters are compared with plain columns in a `WHERE`."""
    head, _, conditions = sql.partition(" WHERE ")
    after = _AFTER_CONDITIONS.search(conditions)
    outside = head if after is None else head + conditions[after.start() :]
    return "%s" not in outside and all(map(_compares_column, renderings))


def _compares_column(rendering: Rendering) -> bool:
    if rendering.origin is None:
        return False
    lookup, left = rendering.origin
    return lookup in _COMPARISONS and type(left) is Col and type(final_target(left.output_field)) in _FIELDS


def final_target(field: object) -> object:
    """The field that a foreign key finally refers to, which may be through other foreign keys."""
    while (target := getattr(field, "target_field", None)) is not None:
        field = target
    return field
