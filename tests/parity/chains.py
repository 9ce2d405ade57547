"""Random chains of builders, as data: steps with holes for values, so that one structure can be asked again and again.

A `Plan`'s structure is drawn first, with a `Hole` wherever a value goes. The values are drawn afterwards, several sets
of them for the same structure.
"""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import (
    Avg,
    Case,
    CompositePrimaryKey,
    Count,
    Exists,
    Expression,
    F,
    JSONField,
    Max,
    Min,
    Model,
    OuterRef,
    Q,
    Subquery,
    Sum,
    Value,
    When,
    Window,
    fields,
)
from django.db.models import functions as fn
from hypothesis import strategies as st

from tests.parity.oracle import Ending, Start
from tests.shop import data, models
from tests.shop.fields import Money

ROOTS: list[type[Model]] = [
    models.Author,
    models.Bestseller,
    models.Book,
    models.Category,
    models.Contribution,
    models.Country,
    models.Gadget,
    models.OrderLine,
    models.Publisher,
    models.Review,
    models.Tag,
    models.Visit,
]


# -- values ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hole:
    """A place for a value: its number in a set of values."""

    number: int


@dataclass(slots=True)
class Holes:
    """The holes of a chain, with what may fill each of them."""

    strategies: list[st.SearchStrategy[Any]] = field(default_factory=list)

    def new(self, strategy: st.SearchStrategy[Any]) -> Hole:
        """Another hole."""
        self.strategies.append(strategy)
        return Hole(len(self.strategies) - 1)

    def values(self) -> st.SearchStrategy[tuple[Any, ...]]:
        """A set of values."""
        return st.tuples(*self.strategies)


_INTEGERS = st.sampled_from(
    [0, 1, 2, 3, 5, 96, 220, 400, 512, -1, -3, 1_000_000, 2**15, 2**31, 2**40, 2**63 - 1, 2**64]
)
_TEXTS = st.sampled_from(
    [*[title for title, _, _ in data.TITLES], *data.TAGS, "", "a", "e", "The", "EMMA", "%", "_", "\\", "é", "x' OR 1=1"]
)
_MOMENTS = st.sampled_from([*data.MOMENTS, datetime.datetime(2021, 10, 31, 2, 30)])  # noqa: DTZ001  # naive on purpose
_DATES = st.sampled_from([datetime.date(1960 + number * 3, number % 12 + 1, number + 1) for number in range(16)])
VALUES: list[tuple[type[Any], st.SearchStrategy[Any]]] = [
    (fields.BooleanField, st.booleans()),
    (fields.DateTimeField, _MOMENTS),
    (fields.DateField, _DATES),
    (
        fields.TimeField,
        st.sampled_from([datetime.time(0), datetime.time(12, 30, 15), datetime.time(23, 59, 59, 999_999)]),
    ),
    (fields.DurationField, st.sampled_from([datetime.timedelta(0), datetime.timedelta(hours=7, microseconds=5)])),
    (fields.FloatField, st.sampled_from([0.0, 1.5, 4.0, 1 / 3, 5, -1.0])),
    (fields.DecimalField, st.sampled_from([decimal.Decimal("1.37"), decimal.Decimal("10.005"), 0, 19, 12.5])),
    (fields.UUIDField, st.sampled_from([uuid.UUID(int=5), uuid.UUID(int=104_734), uuid.UUID(int=2**100)])),
    (JSONField, st.sampled_from([{}, [], "text", 17, {"prints": None, "lang": "fr"}])),
    (fields.BinaryField, st.sampled_from([b"", b"\x00\xff\x10cover"])),
    (fields.IntegerField, _INTEGERS),
    (fields.CharField, _TEXTS),
    (fields.TextField, _TEXTS),
    (fields.GenericIPAddressField, st.sampled_from(["192.168.0.1", "::1"])),
]
# What does not fit, or means something else, or has another structure: a few values in a hundred.
_ODD = st.sampled_from([None, True, "5", "x", 2.5, -(2**65), datetime.date(2020, 2, 29), [1]])


def value_of(target: Any) -> st.SearchStrategy[Any]:
    """Values for a column, now and then odd ones."""
    while target.remote_field is not None:
        target = target.target_field
    if type(target).__name__ == "MoneyField":
        usual: st.SearchStrategy[Any] = st.sampled_from([Money(55), Money(110), 165])
    else:
        usual = next((values for kind, values in VALUES if isinstance(target, kind)), _INTEGERS)
    return st.integers(0, 29).flatmap(lambda number: usual if number else _ODD)


# -- steps -------------------------------------------------------------------------------------------------------------

# Makes an operand or an expression for one side and one set of values.
Make = Callable[[Start, Sequence[Any]], Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One builder: its name, and what makes its arguments."""

    method: str
    args: tuple[Any, ...] = ()
    kwargs: tuple[tuple[str, Any], ...] = ()

    def apply(self, query: Any, start: Start, values: Sequence[Any]) -> Any:
        """The query with this step."""
        args = [_filled(arg, start, values) for arg in self.args]
        kwargs = {name: _filled(arg, start, values) for name, arg in self.kwargs}
        match self.method:
            case "[]":
                return query[slice(*args)]
            case "&":
                return query & args[0]
            case "|":
                return query | args[0]
            case name:
                return getattr(query, name)(*args, **kwargs)


@dataclass(frozen=True, slots=True)
class Made:
    """An argument that is created again for each side, with a text that says how."""

    text: str
    make: Make

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Chain:
    """A whole query: where it starts, its steps and its ending."""

    model: type[Model]
    steps: tuple[Step, ...]

    def build(self, start: Start, *values: Any) -> Any:
        """The query, for one side and one set of values."""
        query = start(self.model)
        for step in self.steps:
            query = step.apply(query, start, values)
        return query


def _filled(argument: Any, start: Start, values: Sequence[Any]) -> Any:
    if isinstance(argument, Hole):
        return values[argument.number]
    if isinstance(argument, Made):
        return argument.make(start, values)
    if isinstance(argument, list):
        return [_filled(item, start, values) for item in argument]
    return argument


def made(text: str, function: Callable[..., Any], *arguments: Any, **named: Any) -> Made:
    """An argument made by a function of holes and other made arguments."""

    def make(start: Start, values: Sequence[Any]) -> Any:
        args = [_filled(argument, start, values) for argument in arguments]
        return function(*args, **{name: _filled(argument, start, values) for name, argument in named.items()})

    shown = ", ".join([*map(repr, arguments), *(f"{name}={argument!r}" for name, argument in named.items())])
    return Made(f"{text}({shown})", make)


# -- paths -------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Drawer:
    """Draws the parts of one chain; limits what would multiply its rows."""

    draw: Callable[[st.SearchStrategy[Any]], Any]
    holes: Holes
    many_left: int = 2
    depth: int = 0

    def path(self, model: type[Model], longest: int = 3, *, columns_only: bool = False) -> tuple[str, Any]:
        """A path from a model to a field, and that field."""
        names: list[str] = []
        here: Any = model
        while True:
            can_go_on = len(names) < longest - 1
            choices = [step for step in _relations(here) if not step[2] or self.many_left > 0] if can_go_on else []
            if choices and self.draw(st.integers(0, 2)) == 0:
                name, here, is_many = self.draw(st.sampled_from(choices))
                self.many_left -= is_many
                names.append(name)
                continue
            column = self.draw(st.sampled_from(_columns(here, columns_only=columns_only)))
            return "__".join([*names, column.name]), column

    def condition(self, model: type[Model]) -> tuple[str, Any]:
        """A lookup path and its operand."""
        path, column = self.path(model)
        if self.draw(st.integers(0, 19)) == 0:
            return path, made("F", F, self.path(model, 2, columns_only=True)[0])
        lookups = _lookups(column)
        lookup = self.draw(st.sampled_from(lookups))
        return (path if lookup == "exact" else f"{path}__{lookup}"), self.operand(column, lookup)

    def operand(self, column: Any, lookup: str) -> Any:
        """A hole, or a list of them, or a nested query."""
        new = self.holes.new
        name = lookup.rpartition("__")[2]
        if name == "isnull" or isinstance(column, fields.BooleanField):
            # Truths are part of a structure.
            return self.draw(st.sampled_from([True, False])) if name != "in" else [self.draw(st.booleans())]
        if name == "in":
            if column.is_relation and self.depth < 1 and self.draw(st.booleans()):
                return self.nested(column.related_model)
            length = self.draw(st.integers(0, 4))
            return new(st.lists(value_of(column), min_size=length, max_size=length))
        if name == "range":
            return new(st.tuples(value_of(column), value_of(column)))
        if lookup in {"year", "month", "day", "hour", "week_day", "quarter", "length", "abs"} or "__" in lookup:
            return new(st.sampled_from([1, 2, 3, 5, 12, 1960, 1969, 2_021, "7"]))
        if lookup == "date":
            return new(_DATES)
        if name in {"contains", "icontains", "startswith", "endswith", "iexact", "regex", "istartswith", "matches"}:
            return new(st.sampled_from(["a", "The", "", "e", "%", "é", "Em*", "sea"]))
        is_none = name in {"exact", "iexact"} and not self.draw(st.integers(0, 11))
        return None if is_none else new(value_of(column))

    def q(self, model: type[Model], depth: int = 0) -> Made:
        """A tree of conditions."""
        children: list[Any] = []
        for _ in range(self.draw(st.integers(1, 3))):
            if depth < 2 and self.draw(st.integers(0, 3)) == 0:
                children.append(self.q(model, depth + 1))
            else:
                path, operand = self.condition(model)
                children.append(made("", lambda value, path=path: (path, value), operand))
        connector = self.draw(st.sampled_from(["AND", "AND", "OR", "OR", "XOR"]))
        negated = self.draw(st.integers(0, 3)) == 0

        def join(*parts: Any) -> Q:
            return Q(*parts, _connector=connector, _negated=negated)

        return made(f"{'~' if negated else ''}{connector}", join, *children)

    def nested(self, model: type[Model], *, outer: str | None = None) -> Made:
        """A query inside the query."""
        inner = Drawer(self.draw, self.holes, many_left=1, depth=self.depth + 1)
        steps = [inner.filter(model) for _ in range(self.draw(st.integers(0, 2)))]
        if outer is not None:
            steps.append(Step("filter", (), ((outer, made("OuterRef", OuterRef, "pk")),)))
        elif self.draw(st.integers(0, 3)) == 0:
            steps += [Step("order_by", ("pk",)), inner.slice()]
        if model._meta.pk is not None and self.draw(st.booleans()) and outer is None:
            steps.append(Step("values", ("pk",)))
        chain = Chain(model, tuple(steps))
        return Made(f"<{chain}>", lambda start, values: chain.build(start, *values))

    def expression(self, model: type[Model]) -> Made:
        """Something to annotate."""
        kind = self.draw(st.integers(0, 9))
        path, column = self.path(model, 2, columns_only=True)
        number, text = self.holes.new(st.integers(-3, 9)), self.holes.new(_TEXTS)
        match kind:
            case 0:
                return made("F", F, path)
            case 1 if isinstance(column, fields.IntegerField):
                return made("plus", lambda amount: F(path) + amount, number)
            case 2 if isinstance(column, fields.CharField):
                return made("concat", lambda tail: fn.Concat(F(path), Value(tail)), text)
            case 3:
                return made("value", Value, text)
            case 4 | 5 if self.depth == 0:
                condition = self.q(model, depth=1)
                return made(
                    "case",
                    lambda when, then, other: Case(When(when, then=Value(then)), default=Value(other)),
                    condition,
                    text,
                    self.holes.new(_TEXTS),
                )
            case 6 if (many := [step for step in _relations(model) if step[2]]) and self.many_left > 0:
                self.many_left -= 1
                name, related, _ = self.draw(st.sampled_from(many))
                condition = self.draw(st.booleans()) and self.draw(st.booleans())
                where = Drawer(self.draw, self.holes, many_left=0, depth=1).q(model, 1) if condition else None
                return made("count", lambda when=None: Count(name, filter=when, distinct=True), where)
            case 7 if self.depth == 0 and (reverse := _reverse(model)):
                name, related = self.draw(st.sampled_from(reverse))
                query = self.nested(related, outer=name)
                return made("exists", Exists, query)
            case 8 if self.depth == 0 and (reverse := _reverse(model)):
                name, related = self.draw(st.sampled_from(reverse))
                query = self.nested(related, outer=name)
                column_name = self.draw(st.sampled_from(_columns(related, columns_only=True))).name
                return made("subquery", lambda inner: Subquery(inner.order_by("pk").values(column_name)[:1]), query)
            case 9:
                return made("window", lambda: Window(fn.RowNumber(), partition_by=F(path), order_by="pk"))
            case _:
                as_text: Any = fields.TextField()
                return made(
                    "coalesce",
                    lambda other: fn.Coalesce(fn.Cast(path, as_text), Value(other, output_field=as_text)),
                    text,
                )

    # -- steps ---------------------------------------------------------------------------------------------------------

    def filter(self, model: type[Model]) -> Step:
        """A filter or exclude."""
        method = self.draw(st.sampled_from(["filter", "filter", "filter", "exclude"]))
        if self.draw(st.integers(0, 2)) == 0:
            return Step(method, (self.q(model),))
        conditions = dict(self.condition(model) for _ in range(self.draw(st.integers(1, 2))))
        return Step(method, (), tuple(conditions.items()))

    def slice(self) -> Step:
        """A slice; whether there are limits is structure."""
        start, stop = self.holes.new(st.integers(0, 6)), self.holes.new(st.integers(0, 20))
        return Step("[]", self.draw(st.sampled_from([(start, stop), (None, stop), (start, None)])))

    def order(self, model: type[Model], names: Sequence[str]) -> Step:
        """An order by columns and annotations, made total."""
        keys: list[Any] = []
        for _ in range(self.draw(st.integers(0, 2))):
            if names and self.draw(st.booleans()):
                key = self.draw(st.sampled_from(names))
            else:
                key, _ = self.path(model, 2, columns_only=True)
            keys.append(self.draw(st.sampled_from(["", "-"])) + key)
        return Step("order_by", (*keys, "pk"))

    def columns(self, model: type[Model], names: Sequence[str]) -> Step:
        """values() or values_list()."""
        chosen = [self.path(model, 3, columns_only=True)[0] for _ in range(self.draw(st.integers(0, 3)))]
        chosen += [name for name in names if self.draw(st.booleans())]
        chosen = list(dict.fromkeys(chosen))
        kind = self.draw(st.sampled_from(["values", "values_list", "flat", "named"]))
        if kind == "flat":
            return Step("values_list", tuple(chosen[:1] or ["pk"]), (("flat", True),))
        if kind == "named":
            return Step("values_list", tuple(chosen or ["pk"]), (("named", True),))
        return Step(kind, tuple(chosen))


def _shop_relations(model: Any) -> list[Any]:
    """The relations of a model that stay inside the shop, from either side."""
    found = [relation for relation in model._meta.get_fields() if relation.is_relation]
    return [
        relation
        for relation in found
        if getattr(getattr(relation.related_model, "_meta", None), "app_label", "") == "shop"
    ]


def _relations(model: Any) -> list[tuple[str, Any, bool]]:
    """The relations of a model for paths: name, model, whether to many."""
    return [
        (found.name, found.related_model, bool(found.many_to_many or found.one_to_many))
        for found in _shop_relations(model)
        if not getattr(found, "parent_link", False)
    ]


def _single(model: Any) -> list[tuple[str, Any]]:
    """The relations of a model that lead to one row at most."""
    return [
        (found.name, found.related_model) for found in _shop_relations(model) if found.many_to_one or found.one_to_one
    ]


def _reverse(model: Any) -> list[tuple[str, Any]]:
    """Foreign keys that refer to a model: their name, and their model."""
    return [
        (found.field.name, found.related_model)
        for found in model._meta.related_objects
        if found.one_to_many and found.field.target_field is model._meta.pk
    ]


def _columns(model: Any, *, columns_only: bool) -> list[Any]:
    return [
        column
        for column in model._meta.concrete_fields
        if not isinstance(column, (CompositePrimaryKey, JSONField)) and not (columns_only and column.is_relation)
    ]


def _lookups(column: Any) -> list[str]:
    usual = ["exact", "exact", "in", "isnull", "gt", "lte"]
    if column.is_relation:
        return ["exact", "in", "isnull"]
    if isinstance(column, (fields.BooleanField, fields.BinaryField)):
        return ["exact", "isnull", "in"] if isinstance(column, fields.BooleanField) else ["exact", "isnull"]
    if isinstance(column, fields.DateTimeField):
        return [*usual, "year", "date", "hour", "year__gte", "range"]
    if isinstance(column, fields.DateField):
        return [*usual, "year", "month", "week_day", "year__in", "quarter", "range"]
    if isinstance(column, fields.CharField):
        return [*usual, "contains", "icontains", "startswith", "iexact", "endswith", "matches", "folded", "ne", "range"]
    if isinstance(column, fields.TextField):
        return [*usual, "contains", "istartswith", "ne"]
    if isinstance(column, fields.IntegerField):
        return [*usual, "range", "abs", "ne", "gte", "lt"]
    return [*usual, "range", "ne"]


# -- chains ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chain with its ending and several sets of values."""

    chain: Chain
    finish: Ending
    value_sets: tuple[tuple[Any, ...], ...]


@st.composite
def drawn_chains(draw: Any, model: type[Model], sets: int = 4) -> Drawn:
    """A random chain that starts from a model, mostly one that makes sense."""
    drawer = Drawer(draw, Holes())
    steps: list[Step] = [drawer.filter(model) for _ in range(draw(st.integers(0, 2)))]
    names: list[str] = []
    for position in range(draw(st.integers(0, 2))):
        name = f"x{position}"
        method = draw(st.sampled_from(["annotate", "annotate", "alias"]))
        steps.append(Step(method, (), ((name, drawer.expression(model)),)))
        names += [name] if method == "annotate" else []
    if names and draw(st.integers(0, 3)) == 0:
        steps.append(Step("exclude", (), ((f"{names[0]}__isnull", draw(st.booleans())),)))
    steps += _shape(draw, drawer, model, names)
    if draw(st.integers(0, 19)) == 0:
        draw(st.randoms(use_true_random=False)).shuffle(steps)
    finish = _ending(draw, drawer, model)
    return Drawn(Chain(model, tuple(steps)), finish, tuple(draw(drawer.holes.values()) for _ in range(sets)))


def _shape(draw: Any, drawer: Drawer, model: type[Model], names: list[str]) -> list[Step]:
    """The steps that decide on the rows."""
    steps: list[Step] = []
    kind = draw(st.integers(0, 9))
    if kind <= 2:
        steps.append(drawer.columns(model, names))
    elif kind == 3:
        chosen = [column.name for column in _columns(model, columns_only=False)]
        some = draw(st.lists(st.sampled_from(chosen), min_size=1, max_size=3, unique=True))
        steps.append(Step(draw(st.sampled_from(["only", "defer"])), tuple(some)))
    elif kind <= 5 and (single := _single(model)):
        name, related = draw(st.sampled_from(single))
        deeper = _single(related)
        path = f"{name}__{draw(st.sampled_from(deeper))[0]}" if deeper and draw(st.booleans()) else name
        steps.append(Step("select_related", (path,)))
    elif kind == 6 and not names:
        other = Drawer(draw, drawer.holes, many_left=1, depth=1)
        chain = Chain(model, (other.filter(model),))
        operand = Made(f"<{chain}>", lambda start, values: chain.build(start, *values))
        steps.append(Step(draw(st.sampled_from(["union", "intersection", "difference", "&", "|"])), (operand,)))
    elif kind == 7:
        steps.append(Step("distinct"))
    if draw(st.integers(0, 2)):
        steps.append(drawer.order(model, names))
        if draw(st.integers(0, 7)) == 0:
            steps.append(Step("reverse"))
        if draw(st.integers(0, 2)) == 0:
            steps.append(drawer.slice())
    return steps


def _ending(draw: Any, drawer: Drawer, model: type[Model]) -> Ending:
    """Rows in half of the cases, else one of the other endings."""
    if draw(st.booleans()):
        return Ending(draw(st.sampled_from(["run", "run", "run", "async for", "stream"])))
    name = draw(
        st.sampled_from(["acount", "aexists", "afirst", "alast", "aget_or_none", "aget", "aaggregate", "aearliest"])
    )
    if name == "aearliest":
        return Ending(name, (drawer.path(model, 1, columns_only=True)[0], "pk"))
    if name == "aaggregate":
        numbers = [
            column.name for column in _columns(model, columns_only=True) if isinstance(column, fields.IntegerField)
        ]
        aggregates: dict[str, Expression] = {"n": Count("pk")}
        for position, function in enumerate([Sum, Max, Min, Avg]):
            if numbers and draw(st.booleans()):
                aggregates[f"a{position}"] = function(draw(st.sampled_from(numbers)))
        return Ending(name, (), aggregates)
    return Ending(name)
