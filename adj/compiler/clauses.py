"""Each clause's two sides: `describe_*` gives its structure, `build_*` says it to a Django QuerySet.

The two of one clause stand together, since they must walk its operands in the same order.

Private Django API used here: `QuerySet._prefetch_related_lookups`, `QuerySet._chain`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, TypeAlias

from django.db.models import FilteredRelation, QuerySet
from django.db.models import Prefetch as DjangoPrefetch

from adj import statement as ask
from adj.compiler.constants import constant_key
from adj.compiler.describe import DescribeStatement, KeyWalk
from adj.compiler.name_keys import name_keys
from adj.compiler.structure import TOO_DEEP, Key, StatementHolder, Structure, Uncacheable, Unkeyed, extended
from adj.compiler.substitute import SlotWalk, Verbatim
from adj.statement import Statement

# Django's QuerySet is generic in what adj does not follow while it builds.
DjangoQuerySet: TypeAlias = QuerySet[Any, Any]
Operands: TypeAlias = Verbatim | SlotWalk


def describe_filter(walk: KeyWalk, clause: ask.Filter) -> Key:
    conditions = tuple(walk.node(condition) for condition in clause.args)
    return ("exclude" if clause.negated else "filter", conditions, walk.pairs(clause.kwargs))


def build_filter(queryset: DjangoQuerySet, clause: ask.Filter, operands: Operands) -> DjangoQuerySet:
    conditions = [operands.node(condition) for condition in clause.args]
    method = queryset.exclude if clause.negated else queryset.filter
    return method(*conditions, **operands.given(clause.kwargs))


def describe_complex_filter(walk: KeyWalk, clause: ask.ComplexFilter) -> Key:
    if isinstance(clause.condition, dict):
        return ("complex_filter", walk.pairs(clause.condition))
    return ("complex_filter", walk.node(clause.condition))


def build_complex_filter(queryset: DjangoQuerySet, clause: ask.ComplexFilter, operands: Operands) -> DjangoQuerySet:
    condition: Any = clause.condition
    is_mapping = isinstance(condition, dict)
    return queryset.complex_filter(operands.given(condition) if is_mapping else operands.node(condition))


def describe_annotate(walk: KeyWalk, clause: ask.Annotate) -> Key:
    return (
        "annotate" if clause.selected else "alias",
        tuple(walk.node(expression) for expression in clause.args),
        walk.mapping(clause.kwargs),
    )


def build_annotate(queryset: DjangoQuerySet, clause: ask.Annotate, operands: Operands) -> DjangoQuerySet:
    expressions = [operands.node(expression) for expression in clause.args]
    named = {name: _own(operands.node(expression)) for name, expression in clause.kwargs.items()}
    method = queryset.annotate if clause.selected else queryset.alias
    return method(*expressions, **named)


def _own(expression: Any) -> Any:
    """A FilteredRelation is copied: Django writes the alias into it, and rewrites its condition."""
    return copy.copy(expression) if isinstance(expression, FilteredRelation) else expression


def describe_order_by(walk: KeyWalk, clause: ask.OrderBy) -> Key:
    return ("order_by", tuple(walk.name(name) for name in clause.names))


def build_order_by(queryset: DjangoQuerySet, clause: ask.OrderBy, operands: Operands) -> DjangoQuerySet:
    return queryset.order_by(*[operands.node(name) for name in clause.names])


def describe_distinct(walk: KeyWalk, clause: ask.Distinct) -> Key:
    return ("distinct", tuple(walk.name(name) for name in clause.names))


def build_distinct(queryset: DjangoQuerySet, clause: ask.Distinct, operands: Operands) -> DjangoQuerySet:
    return queryset.distinct(*[operands.node(name) for name in clause.names])


def describe_values(walk: KeyWalk, clause: ask.Values) -> Key:
    names = tuple(walk.name(name) for name in clause.names)
    return ("values", names, walk.mapping(clause.expressions))


def build_values(queryset: DjangoQuerySet, clause: ask.Values, operands: Operands) -> DjangoQuerySet:
    names = [operands.node(name) for name in clause.names]
    return queryset.values(*names, **{name: operands.node(node) for name, node in clause.expressions.items()})


def describe_values_list(walk: KeyWalk, clause: ask.ValuesList) -> Key:
    return ("values_list", tuple(walk.name(name) for name in clause.names), clause.flat, clause.named)


def build_values_list(queryset: DjangoQuerySet, clause: ask.ValuesList, operands: Operands) -> DjangoQuerySet:
    names: list[Any] = [operands.node(name) for name in clause.names]
    return queryset.values_list(*names, flat=clause.flat, named=clause.named)


def describe_dates(walk: KeyWalk, clause: ask.Dates) -> Key:
    walk.local()
    return ("dates", *name_keys((clause.name, clause.kind, clause.order)))


def build_dates(queryset: DjangoQuerySet, clause: ask.Dates, operands: Operands) -> DjangoQuerySet:
    # The stubs want literals; Django checks the words itself.
    words: Any = (clause.kind, clause.order)
    return queryset.dates(clause.name, *words)


def describe_datetimes(walk: KeyWalk, clause: ask.Datetimes) -> Key:
    walk.local()
    # By its text as well, which is in the SQL: zones of one offset are equal, whatever their names.
    return ("datetimes", *name_keys((clause.name, clause.kind, clause.order)), constant_key(clause.tzinfo))


def build_datetimes(queryset: DjangoQuerySet, clause: ask.Datetimes, operands: Operands) -> DjangoQuerySet:
    # The stubs want literals; Django checks the words itself.
    words: Any = (clause.kind, clause.order, clause.tzinfo)
    return queryset.datetimes(clause.name, *words)


def describe_prefetch(walk: KeyWalk, clause: ask.Prefetch) -> Key:
    # Prefetching happens after the query and changes nothing of its SQL.
    return None


def build_prefetch(queryset: DjangoQuerySet, clause: ask.Prefetch, operands: Operands) -> DjangoQuerySet:
    lookups: list[Any] = [prefetch_lookup(lookup) for lookup in clause.lookups]
    return queryset.prefetch_related(*lookups)


def prefetch_lookup(lookup: Any) -> Any:
    """A `Prefetch` around an AsyncQuery becomes one around the QuerySet it stands for, also where one is nested."""
    changes: dict[str, Any] = {}
    if (nested := getattr(lookup, "queryset", None)) is not None:
        changes["queryset"] = _djangos_queryset(lookup, nested)
    if (several := getattr(lookup, "querysets", None)) is not None:
        # A GenericPrefetch, which has one for each model.
        changes["querysets"] = [_djangos_queryset(lookup, each) for each in several]
    if not changes:
        return lookup
    # Not by copy.copy(), for which a Prefetch asks its QuerySet for a state that can be pickled.
    converted = object.__new__(type(lookup))
    converted.__dict__.update(lookup.__dict__, **changes)
    return converted


def _djangos_queryset(lookup: Any, given: Any) -> Any:
    if not isinstance(given, StatementHolder):
        return with_djangos_prefetches(given)
    queryset = given.queryset
    # Django makes this check where it can see a QuerySet: in the constructor of Prefetch.
    DjangoPrefetch(lookup.prefetch_through, queryset=queryset)
    return queryset


def with_djangos_prefetches(queryset: Any) -> Any:
    """A QuerySet whose prefetches Django's own code can follow: without an AsyncQuery in any of them."""
    lookups = queryset._prefetch_related_lookups
    if lookups:
        queryset = queryset._chain()
        queryset._prefetch_related_lookups = tuple(map(prefetch_lookup, lookups))
    return queryset


def describe_lock(walk: KeyWalk, clause: ask.Lock) -> Key:
    return ("select_for_update", clause.nowait, clause.skip_locked, name_keys(clause.of), clause.no_key)


def build_lock(queryset: DjangoQuerySet, clause: ask.Lock, operands: Operands) -> DjangoQuerySet:
    return queryset.select_for_update(
        nowait=clause.nowait, skip_locked=clause.skip_locked, of=clause.of, no_key=clause.no_key
    )


def describe_extra(walk: KeyWalk, clause: ask.Extra) -> Key:
    if clause.params or clause.select_params:
        raise Uncacheable("extra() with parameters")
    select = tuple(name_keys(item) for item in clause.select.items()) if clause.select else None
    return ("extra", select, *(part and name_keys(part) for part in (clause.where, clause.tables, clause.order_by)))


def build_extra(queryset: DjangoQuerySet, clause: ask.Extra, operands: Operands) -> DjangoQuerySet:
    return queryset.extra(
        select=dict(clause.select) if clause.select else None,
        where=list(clause.where) if clause.where else None,
        params=list(clause.params) if clause.params else None,
        tables=list(clause.tables) if clause.tables else None,
        order_by=list(clause.order_by) if clause.order_by else None,
        select_params=list(clause.select_params) if clause.select_params else None,
    )


def build_slice(queryset: DjangoQuerySet, clause: ask.Slice, operands: Operands) -> DjangoQuerySet:
    return queryset[clause.start : clause.stop]


def describe_combine(walk: KeyWalk, clause: ask.Combine) -> Key:
    return (clause.kind, clause.all, tuple(walk.node(other) for other in clause.others))


def build_combine(queryset: DjangoQuerySet, clause: ask.Combine, operands: Operands) -> DjangoQuerySet:
    others = [operands.node(other) for other in clause.others]
    combined: DjangoQuerySet
    match clause.kind:
        case "union":
            combined = queryset.union(*others, all=clause.all)
        case "intersection":
            combined = queryset.intersection(*others)
        case "difference":
            combined = queryset.difference(*others)
        case "and":
            combined = queryset & others[0]
        case "or":
            combined = queryset | others[0]
        case "xor":
            combined = queryset ^ others[0]
    return combined


def build_fetching(queryset: DjangoQuerySet, clause: ask.Fetching, operands: Operands) -> DjangoQuerySet:
    mode: Any = clause.mode
    return queryset.fetch_mode(mode)


def describe_among(walk: KeyWalk, clause: ask.Among) -> Key:
    # One operand, however many they are.
    walk.values.append(clause.keys)
    return among_key(clause.relation)


def among_key(relation: ask.KeyedRelation) -> Key:
    """The key of the clause that narrows rows to those of a relation."""
    return ("among", relation)


def build_among(queryset: DjangoQuerySet, clause: ask.Among, operands: Operands) -> DjangoQuerySet:
    return clause.relation.narrowed(queryset, operands.operand(clause.relation.lookup, clause.keys))


def _names(word: str) -> Callable[[KeyWalk, Any], Key]:
    """The description of a clause whose operands are names only."""
    return lambda walk, clause: (word, name_keys(clause.names))


def _word(word: str) -> Callable[[KeyWalk, Any], Key]:
    """The description of a clause without operands."""
    return lambda walk, clause: word


Describe: TypeAlias = Callable[[KeyWalk, Any], Key]
Build: TypeAlias = Callable[[DjangoQuerySet, Any, Operands], DjangoQuerySet]

CLAUSES: dict[type[ask.AnyClause], tuple[Describe, Build]] = {
    ask.Filter: (describe_filter, build_filter),
    ask.ComplexFilter: (describe_complex_filter, build_complex_filter),
    ask.Annotate: (describe_annotate, build_annotate),
    ask.OrderBy: (describe_order_by, build_order_by),
    ask.Reverse: (_word("reverse"), lambda queryset, clause, operands: queryset.reverse()),
    ask.Distinct: (describe_distinct, build_distinct),
    ask.Values: (describe_values, build_values),
    ask.ValuesList: (describe_values_list, build_values_list),
    ask.Dates: (describe_dates, build_dates),
    ask.Datetimes: (describe_datetimes, build_datetimes),
    ask.Only: (_names("only"), lambda queryset, clause, operands: queryset.only(*clause.names)),
    ask.Defer: (_names("defer"), lambda queryset, clause, operands: queryset.defer(*clause.names)),
    ask.SelectRelated: (
        _names("select_related"),
        lambda queryset, clause, operands: queryset.select_related(*clause.names),
    ),
    ask.Prefetch: (describe_prefetch, build_prefetch),
    ask.Lock: (describe_lock, build_lock),
    ask.Extra: (describe_extra, build_extra),
    ask.Nothing: (_word("none"), lambda queryset, clause, operands: queryset.none()),
    ask.Slice: (_word("slice"), build_slice),
    ask.Combine: (describe_combine, build_combine),
    ask.Fetching: (lambda walk, clause: ("fetch_mode", clause.mode), build_fetching),
    ask.Among: (describe_among, build_among),
}


def structure_of_statement(statement: Statement) -> Structure | Unkeyed:
    """The structure of a statement as its operands are now, those of nested queries included."""
    if statement.owner is not None and statement.owner.reason is not None:
        return Unkeyed(statement.owner.reason)
    describe_nested = structure_of_statement
    base = statement.base
    structure = Structure(()) if base is None else base_structure(base, describe_nested)
    for clause in statement.clauses:
        structure = extended(structure, structure_of(statement.model, clause, describe_nested))
    return structure


def structure_of(
    model: Any, clause: ask.AnyClause, describe_nested: DescribeStatement | None = None
) -> Structure | Unkeyed:
    """The structure of one clause of a statement about a model; `Unkeyed` where a part of it has no key.

    A nested query has its structure from the line that wrote it, unless it is to be described anew.
    """
    if type(clause) is ask.Slice:
        return _slice_structure(clause)
    walk = KeyWalk(model, describe_nested)
    try:
        key = CLAUSES[type(clause)][0](walk, clause)
        return walk.structure(key) if key is not None else Structure(())
    except Uncacheable as uncacheable:
        return Unkeyed(str(uncacheable))
    except RecursionError:
        # The walk takes more frames for a level than Django's own code.
        return Unkeyed(TOO_DEEP)


def _slice_structure(clause: ask.Slice) -> Structure:
    """Which limits there are is structure; how many rows they name is not."""
    start, stop = clause.start or 0, clause.stop
    is_empty = stop is not None and stop <= start
    return Structure(("slice", start > 0, stop is not None, is_empty), bounds=(start, stop))


def describe_operands(model: Any, args: tuple[object, ...], kwargs: Any) -> Structure | Unkeyed:
    """The structure of a finish's operands: expressions of `aggregate()`, names of `aearliest()`."""
    walk = KeyWalk(model)
    try:
        names = tuple([walk.name(name) for name in args])
        return walk.structure(names, walk.mapping(kwargs))
    except Uncacheable as uncacheable:
        return Unkeyed(str(uncacheable))
    except RecursionError:
        return Unkeyed(TOO_DEEP)


def base_structure(queryset: DjangoQuerySet, describe_nested: DescribeStatement | None = None) -> Structure | Unkeyed:
    """The structure of a QuerySet that a statement starts from."""
    walk = KeyWalk(queryset.model, describe_nested)
    try:
        return walk.structure(walk.node(queryset))
    except Uncacheable as uncacheable:
        return Unkeyed(str(uncacheable))
    except RecursionError:
        return Unkeyed(TOO_DEEP)
