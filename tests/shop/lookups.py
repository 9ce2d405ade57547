"""Lookups and transforms of the project's own, as Django's documentation has them, and some that try a cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Transform
from django.db.models.functions import Length, Lower

if TYPE_CHECKING:  # generic for the checkers only
    Lookup = models.Lookup[Any]
else:
    Lookup = models.Lookup


class NotEqual(Lookup):
    """`field__ne=value`."""

    lookup_name = "ne"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        lhs, lhs_params = self.process_lhs(compiler, connection)
        rhs, rhs_params = self.process_rhs(compiler, connection)
        return f"{lhs} <> {rhs}", (*lhs_params, *rhs_params)


class Matches(Lookup):
    """`field__matches="Emma"` or `"Em*"`: the SQL depends on the value."""

    lookup_name = "matches"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        lhs, lhs_params = self.process_lhs(compiler, connection)
        rhs, rhs_params = self.process_rhs(compiler, connection)
        if rhs_params and str(rhs_params[0]).endswith("*"):
            return f"{lhs} LIKE {rhs}", (*lhs_params, str(rhs_params[0])[:-1] + "%", *rhs_params[1:])
        return f"{lhs} = {rhs}", (*lhs_params, *rhs_params)


class AbsoluteValue(Transform):
    """`field__abs`."""

    lookup_name = "abs"
    function = "ABS"


class Folded(Transform):
    """`field__folded`: compares without regard to case, as it is applied to both sides."""

    lookup_name = "folded"
    function = "LOWER"
    bilateral = True


def register() -> None:
    """Make them known to Django; safe to call twice."""
    models.Field.register_lookup(NotEqual)
    models.CharField.register_lookup(Matches)
    models.CharField.register_lookup(Lower)
    models.CharField.register_lookup(Length)
    models.CharField.register_lookup(Folded)
    models.IntegerField.register_lookup(AbsoluteValue)
