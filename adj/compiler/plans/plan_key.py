"""The key of a plan: everything that may change the SQL of a statement."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import cache

from django.apps import apps
from django.db.models import Model
from django.utils import timezone, translation

from adj.compiler.django.assign import describe_assignments
from adj.compiler.django.dialect import Dialect
from adj.compiler.keys.constants import check_zone
from adj.compiler.keys.content_types import generation, uses_content_types
from adj.compiler.keys.key_visitor import describe_operands
from adj.compiler.keys.name_keys import name_keys
from adj.statement.shapes import Answer
from adj.statement.statement import TerminalCall
from adj.statement.structure import Structure, Uncacheable, Unkeyed, equality_pattern


def structure_with_terminal_call(
    model: type[Model], structure: Structure | Unkeyed, terminal: TerminalCall
) -> Structure | Unkeyed:
    """The structure of a statement and of its terminal method's operands."""
    if isinstance(structure, Unkeyed) or (terminal.answer is Answer.ROWS):
        return structure
    if terminal.returning is not None:
        try:
            structure = structure.extended(Structure((("returning", name_keys(terminal.returning)),)))
        except Uncacheable as uncacheable:
            return Unkeyed(str(uncacheable))
    if structure.bounds is not None:
        # Terminal methods combine their own limits with those of the slice, which therefore are structure here.
        structure = structure.extended(Structure((structure.bounds,)))
        structure.bounds = None
    if not terminal.args and not terminal.kwargs:
        return structure
    is_update = terminal.answer is Answer.UPDATE
    if is_update:
        operands = describe_assignments(model, terminal.kwargs)
    else:
        operands = describe_operands(model, terminal.args, terminal.kwargs)
    return operands if isinstance(operands, Unkeyed) else structure.extended(operands)


def key_of(model: type[Model], answer: Answer, structure: Structure, dialect: Dialect) -> Hashable:
    """The key of a plan in the cache."""
    key: tuple[Hashable, ...] = (model, dialect, answer, structure.key)
    if len(structure.constants) > 1:
        key = (*key, equality_pattern(structure.values, structure.constants))
    if structure.is_local or _models_are_local():
        key = (*key, *_zone_key(), translation.get_language())
    return (*key, generation()) if uses_content_types() else key


def _zone_key() -> tuple[Hashable, ...]:
    """The current time zone: its name is in the SQL, and its offsets in parameters. Either may be that of another."""
    return check_zone(timezone.get_current_timezone()), timezone.get_current_timezone_name()


@cache
def _models_are_local() -> bool:
    """Whether the order of a model may depend on the current time zone."""
    return any(_is_ordered_locally(model) for model in apps.get_models())


def _is_ordered_locally(model: type[Model]) -> bool:
    """Whether a model's `Meta.ordering` truncates or extracts in the current time zone."""
    ordering = model._meta.ordering or ()
    latest: str | Sequence[str] = model._meta.get_latest_by or ()
    structure = describe_operands(model, (*ordering, *((latest,) if isinstance(latest, str) else latest)), {})
    return isinstance(structure, Unkeyed) or structure.is_local
