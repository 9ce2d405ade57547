"""Creates a plan from a compiled statement, without its values.

Private Django API used here: `SQLCompiler.query`, `SQLCompiler.connection`.
"""

from __future__ import annotations

from django.db.models.sql.compiler import SQLCompiler

from adj.compiler.django.dialect import Captured, Dialect
from adj.compiler.plans.binders import binder_for, check_for
from adj.compiler.plans.plan import Guard, KeyList, KeyParameters, Parameter, Plan
from adj.compiler.plans.trust import Trust
from adj.compiler.slots.forget import forget_arguments
from adj.compiler.slots.row_keys import KeysMarker
from adj.compiler.slots.slots import Marker, Recording
from adj.compiler.slots.typed import is_typed
from adj.hydrate.layout import Layout, aggregate_layout, layout_of
from adj.hydrate.rows import code_check_for, hydrator_for
from adj.statement.clauses import DjangoQuerySet
from adj.statement.shapes import Answer, RowShape
from adj.statement.statement import TerminalCall


def plan_from(
    queryset: DjangoQuerySet,
    captured: Captured,
    terminal: TerminalCall,
    recording: Recording,
    dialect: Dialect,
    returned: tuple[str, Layout] | None,
) -> Plan:
    """The plan of a compiled statement, with a binder for each rendering of its recording."""
    compiler = captured.compiler
    numbers = {id(rendering): number for number, rendering in enumerate(recording.renderings)}

    def place(marker: Marker) -> Parameter | KeyParameters:
        number = numbers[id(marker.rendering)]
        parameter_class = KeyParameters if isinstance(marker, KeysMarker) else Parameter
        return parameter_class(number, marker.position)

    template = tuple(place(entry) if isinstance(entry, Marker) else entry for entry in captured.parameters)
    is_sequential = template == _in_order(recording)
    keys = tuple(
        KeyList(KeyParameters(number, len(rendering.parameters) - 1), rendering.token)
        for number, rendering in enumerate(recording.renderings)
        if rendering.token
    )
    # Before the binders take over the parts of the renderings.
    typed = is_sequential and not keys and is_typed(captured.sql, recording.renderings)
    binders = tuple(binder_for(rendering) for rendering in recording.renderings)
    unrendered = (cell for cell in recording.cells if cell.rendering is None)
    checks = tuple(check_for(cell.slot, *cell.origin) for cell in unrendered if cell.origin is not None)
    forget_arguments(compiler.query)
    returning_sql, layout = returned or ("", _layout(queryset, compiler, terminal.answer, dialect.alias))
    return Plan(
        dialect=dialect,
        sql=captured.sql + returning_sql,
        template=template,
        binders=binders + checks,
        guards=tuple(Guard(one, other, equal) for one, other, equal in recording.guards),
        parameter_guards=tuple(
            Guard(place(one), place(other), equal) for one, other, equal in recording.parameter_guards
        ),
        hydrate=hydrator_for(layout),
        calls_project_code=code_check_for(layout),
        locks_rows=dialect.locks_rows,
        is_sequential=is_sequential,
        is_typed=typed,
        trust=Trust(),
        keys=keys,
        compiles_project_code=any(rendering.slot is None for rendering in recording.renderings),
    )


def _in_order(recording: Recording) -> tuple[Parameter | KeyParameters, ...]:
    """The template that consists of the parameters of all renderings, in order."""
    return tuple(
        KeyParameters(number, position) if isinstance(parameter, KeysMarker) else Parameter(number, position)
        for number, rendering in enumerate(recording.renderings)
        for position, parameter in enumerate(rendering.parameters)
    )


def _layout(queryset: DjangoQuerySet, compiler: SQLCompiler, answer: Answer, alias: str) -> Layout:
    match answer:
        case Answer.COUNT:
            return aggregate_layout(compiler, alias, RowShape.SCALAR)
        case Answer.AGGREGATE:
            return aggregate_layout(compiler, alias, RowShape.DICT)
        case Answer.EXISTS | Answer.UPDATE | Answer.DELETE:
            return Layout(RowShape.TUPLE, (), (), alias, compiler.connection)
        case _:
            return layout_of(queryset, compiler, alias)
