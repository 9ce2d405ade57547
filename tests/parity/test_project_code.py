"""Code of a project that Django asks at every run: fields, lookups, transforms, expressions and converters of rows.

What such a class may read from its context (a tenant, a user, a language) must not stay in a plan, and what
distinguishes two of its instances must be in the key.
"""

from __future__ import annotations

import copy
import datetime
import enum
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import (
    Case,
    CharField,
    Count,
    F,
    FilteredRelation,
    Func,
    Max,
    Model,
    Q,
    TextField,
    Transform,
    Value,
    When,
)
from django.db.models import functions as fn
from django.db.models.lookups import GreaterThan, LessThan
from django.db.models.signals import post_init
from django.test.utils import register_lookup
from django.utils import timezone

import adj
from adj import atomic, q
from tests.parity.oracle import Session, ending
from tests.parity.test_attacks import NOW, Ask, Lookup, Prepared, Read, TextColumn, ask_in_turn, books, each, now, shown
from tests.running import run
from tests.shop.data import know_content_types
from tests.shop.fields import MoneyField
from tests.shop.models import Author, Book, Tag

if TYPE_CHECKING:  # generic for the checkers only
    IntegerColumn = models.IntegerField[Any, Any]
    BooleanColumn = models.BooleanField[Any, Any]
else:
    IntegerColumn, BooleanColumn = models.IntegerField, models.BooleanField


def compare_in_contexts(ask: Ask) -> None:
    """Ask in one context after another."""
    with Session() as session:
        adj.plan_cache.clear()
        for number, text in enumerate(["a", "b", "a", "The", "b", "a"]):
            with now(text):
                session.compare_once(ask, (), is_first=not number)


# -- constants that a field prepares -----------------------------------------------------------------------------------


class PreparedFlag(BooleanColumn):
    """Prepares a value for the database by the context."""

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """The value, or its opposite."""
        prepared_value = super().get_db_prep_value(value, connection, prepared)
        return prepared_value if NOW.get() == "a" else not prepared_value


class PreparedNumber(IntegerColumn):
    """Prepares a value by the context."""

    def get_prep_value(self, value: Any) -> Any:
        """The number, or one more."""
        return super().get_prep_value(value) + (NOW.get() != "a")


class Encoder(json.JSONEncoder):
    """Writes JSON by the context."""

    def encode(self, o: Any) -> str:
        """The value and now."""
        return super().encode([o, NOW.get()])


def _numbers(start: Any) -> Any:
    return books(start).annotate(x=fn.Cast("pages", PreparedNumber()))


def _flags(start: Any) -> Any:
    return books(start).annotate(x=fn.Cast("is_available", PreparedFlag()))


def _rounded(start: Any, **condition: Any) -> Any:
    return _numbers(start).annotate(y=fn.Round(Case(When(**condition, then=1.5), default=2.5)))


CONSTANTS: dict[str, Ask] = {
    "a value that is not a slot": lambda start: books(start).annotate(x=Value(True, output_field=PreparedFlag())),
    "NULL": lambda start: books(start).annotate(x=Value(None, output_field=Prepared())),
    "a value in a function that may read it": lambda start: books(start).annotate(
        x=fn.SHA256(Value("x", output_field=Prepared()))
    ),
    "JSON in a function that may read it": lambda start: books(start).annotate(
        x=fn.SHA256(Value({"a": 1}, output_field=models.JSONField(encoder=Encoder)), output_field=TextField())
    ),
    "a value beside a column": lambda start: books(start).annotate(
        x=fn.Coalesce("weight", Value(True, output_field=PreparedNumber()), output_field=PreparedNumber())
    ),
    "True in a condition": lambda start: _flags(start).filter(x=True),
    "True in a condition on numbers": lambda start: _numbers(start).filter(x__gt=True),
    "a condition in a function": lambda start: _rounded(start, x__gt=300),
    "a list in a function": lambda start: _rounded(start, x__in=[96, 220]),
    "the right side of iexact": lambda start: (
        books(start).annotate(x=fn.Cast("title", Prepared())).filter(x__iexact=Value("emma", output_field=Prepared()))
    ),
    "a QuerySet": lambda start: start(_numbers(lambda model: model.objects.all()).filter(x__gt=True)),
    "a nested query": lambda start: books(start).filter(pk__in=_flags(start).filter(x=True).values("pk")),
    "an aggregate": lambda start: (
        _numbers(start).filter(x__gt=1),
        ending("aaggregate", n=Count("pk", filter=Q(x__gt=True))),
    ),
    "the default of an aggregate": lambda start: (
        books(start),
        ending("aaggregate", n=Max("pages", filter=Q(pk=-1), default=Value(True, output_field=PreparedNumber()))),
    ),
}


@pytest.mark.parametrize("place", CONSTANTS)
def test_a_field_prepares_constants_at_every_run(place: str) -> None:
    compare_in_contexts(CONSTANTS[place])


@pytest.mark.parametrize("value", [True, 5, None])
def test_a_field_prepares_what_an_update_sets_at_every_run(monkeypatch: pytest.MonkeyPatch, value: Any) -> None:
    def get_prep_value(self: Any, value: Any) -> Any:
        return (value or 0) + (NOW.get() != "a")

    monkeypatch.setattr(MoneyField, "get_prep_value", get_prep_value)
    stored: list[Any] = []

    async def update() -> None:
        async with atomic():
            for text in ("a", "b", "a"):
                with now(text):
                    await q(Book).filter(pk=1).aupdate(cost=value)
                stored.append(await q(Book).filter(pk=1).values_list("cost", flat=True).aget())
            await adj.set_rollback()

    adj.plan_cache.clear()
    run(update())
    assert [money.cents - (value or 0) for money in stored] == [0, 1, 0]


# -- lookups, transforms and expressions -------------------------------------------------------------------------------


class Created(Transform):
    """Reads the context when Django creates it from a path."""

    lookup_name = "created"

    def __init__(self, *expressions: Any, **extra: Any) -> None:
        super().__init__(*expressions, **extra)
        self.now = NOW.get()

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
        """Then, after the text."""
        sql, parameters = compiler.compile(self.lhs)
        return f"({sql} || %s)", [*parameters, self.now]


class After(Lookup):
    """`>`, against what the context says when the lookup is created."""

    lookup_name = "after"

    def get_prep_lookup(self) -> Any:
        """Now, for `True` and for an expression."""
        return Value(NOW.get()) if hasattr(self.rhs, "resolve_expression") else NOW.get()

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """`>`."""
        left, parameters = self.process_lhs(compiler, connection)
        right, more = self.process_rhs(compiler, connection)
        return f"{left} > {right}", [*parameters, *more]


class Lowered(Func):
    """A function of the project."""

    function = "LOWER"
    output_field: Any = TextField()


class Formatted(Lowered):
    """Writes SQL around itself where it is selected."""

    def select_format(self, compiler: Any, sql: Any, params: Any) -> Any:
        """Now, after the text."""
        return f"({sql} || '{NOW.get()}')", params


class Compared(Lowered):
    """Chooses its lookups by the context."""

    def get_lookup(self, lookup: Any) -> Any:
        """More, or less."""
        return GreaterThan if NOW.get() == "a" else LessThan


class Copied(Lowered):
    """Reads the context when it is copied, as resolving does."""

    def copy(self) -> Any:
        """Lower or upper case."""
        copied = super().copy()
        copied.function = "LOWER" if NOW.get() == "a" else "UPPER"
        return copied


class Typed(Func):
    """Chooses its type by the context."""

    function = "LOWER"

    @property
    def output_field(self) -> Any:
        """A field that converts, or one that does not."""
        return Read() if NOW.get() == "a" else TextField()


class Related(FilteredRelation):
    """Reads the context when it is cloned."""

    def clone(self) -> Any:
        """With a condition of now."""
        cloned: Any = super().clone()
        cloned.condition = Q(books__title__gt=NOW.get())
        return cloned


CREATED: dict[str, Ask] = {
    "a transform in a condition": lambda start: books(start).filter(title__created__gt="The"),
    "a transform without a value": lambda start: books(start).filter(title__created__isnull=False),
    "a transform of columns": lambda start: books(start).values_list("title__created"),
    "a transform in an expression": lambda start: books(start).annotate(x=F("title__created")),
    "a transform in an order": lambda start: start(Book).order_by("title__created", "pk"),
    "a lookup of a constant": lambda start: books(start).filter(title__after=True),
    "a lookup of an expression": lambda start: books(start).filter(title__after=F("isbn")),
    "around what is selected": lambda start: books(start).annotate(x=Formatted("title")),
    "lookups of an expression": lambda start: books(start).annotate(x=Compared("title")).filter(x="m"),
    "a copy": lambda start: books(start).annotate(x=Copied("title")),
    "the type of an expression": lambda start: books(start).annotate(x=Typed("title")),
    "the clone of a relation": lambda start: (
        start(Author).annotate(x=Related("books", condition=Q(books__title__gt="A"))).filter(x__pk__gt=0).order_by("pk")
    ),
}


@pytest.fixture
def _lookups() -> Iterator[None]:
    with register_lookup(CharField, Created), register_lookup(CharField, After):
        yield


@pytest.mark.usefixtures("_lookups")
@pytest.mark.parametrize("place", CREATED)
def test_what_is_created_while_a_query_is_built_is_created_at_every_run(place: str) -> None:
    compare_in_contexts(CREATED[place])


class Written(int):
    """A number whose text depends on the context."""

    def __str__(self) -> str:
        """The number, or another one."""
        return "1" if NOW.get() == "a" else "2"


class Word(enum.Enum):
    """An enum whose text depends on the context."""

    ONE = 1

    def __str__(self) -> str:
        """The number, or another one."""
        return "1" if NOW.get() == "a" else "2"


class Several(list[Any]):
    """A list whose members depend on the context."""

    def __iter__(self) -> Iterator[Any]:
        """One number, or two."""
        return iter([1.5] if NOW.get() == "a" else [1.5, 2.5])


class Elsewhere(datetime.tzinfo):
    """A time zone whose offset and name depend on the context."""

    def utcoffset(self, moment: Any) -> Any:
        """The offset."""
        return datetime.timedelta(hours=1 if NOW.get() == "a" else 9)

    def dst(self, moment: Any) -> Any:
        """None."""
        return None

    def tzname(self, moment: Any) -> str:
        """A name."""
        return "Europe/Berlin" if NOW.get() == "a" else "Asia/Tokyo"


ELSEWHERE = Elsewhere()


def _rounded_of(number: Any) -> Any:
    return Func("pages", function="ROUND", template="%(function)s(%(expressions)s, %(n)s)", n=number)


SUBCLASSES: dict[str, Ask] = {
    "a number": lambda start: books(start).annotate(x=_rounded_of(Written(1))),
    "an enum": lambda start: books(start).annotate(x=_rounded_of(Word.ONE)),
    "a list": lambda start: books(start).annotate(
        x=fn.Round(Case(When(rating__in=Several([1.5]), then=1.5), default=2.5))
    ),
    "a time zone": lambda start: books(start).annotate(x=fn.TruncHour("released", tzinfo=ELSEWHERE)),
    "the time zone of a moment": lambda start: books(start).annotate(
        x=fn.Round(Case(When(released__gt=datetime.datetime(2021, 3, 28, tzinfo=ELSEWHERE), then=1.5), default=2.5))
    ),
}


@pytest.mark.parametrize("place", SUBCLASSES)
def test_methods_of_constants_are_called_at_every_run(place: str) -> None:
    compare_in_contexts(SUBCLASSES[place])


def test_the_current_time_zone_may_read_the_context() -> None:
    with timezone.override(ELSEWHERE):
        compare_in_contexts(lambda start: books(start).filter(released__hour=1).annotate(x=fn.TruncDay("released")))


# -- rows --------------------------------------------------------------------------------------------------------------


class Chosen(TextColumn):
    """Chooses its converters by the context."""

    def get_db_converters(self, connection: Any) -> Any:
        """One that adds now."""
        text = NOW.get()
        return [lambda value, expression, connection: f"{value} {text}"]


class ChosenByProperty(TextColumn):
    """Chooses its converter by the context, when Django looks for one."""

    @property
    def from_db_value(self) -> Any:
        """A function that adds now."""
        text = NOW.get()
        return lambda value, expression, connection: f"{value} {text}"


class Converted(Lowered):
    """Chooses the converter of an expression by the context."""

    @property
    def convert_value(self) -> Any:
        """A function that adds now."""
        text = NOW.get()
        return lambda value, expression, connection: f"{value} {text}"


CONVERTED: dict[str, Ask] = {
    "converters of a field": lambda start: books(start).annotate(x=fn.Cast("title", Chosen())),
    "converters of a field, tuples": lambda start: books(start).values_list(fn.Cast("title", Chosen())),
    "the converter of a field": lambda start: books(start).annotate(x=fn.Cast("title", ChosenByProperty())),
    "the converter of an expression": lambda start: books(start).annotate(x=Converted("title")),
    "an aggregate": lambda start: (books(start), ending("aaggregate", x=Max("title", output_field=Chosen()))),
}


@pytest.mark.parametrize("place", CONVERTED)
def test_converters_of_rows_are_chosen_at_every_run(place: str) -> None:
    compare_in_contexts(CONVERTED[place])


class Telling(TextColumn):
    """Reads rows together with the expression that they come from."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """The value with those in its expression."""
        return value, [part.value for part in expression.flatten() if isinstance(part, Value)]


TOLD: dict[str, list[Ask]] = {
    "arguments": shown(*[fn.Concat(F("title"), Value(text), output_field=Telling()) for text in "abc"]),
    "values": shown(*[Value(text, output_field=Telling()) for text in "abc"]),
    "cases": shown(
        *[Case(When(pages__gt=n, then=Value("x")), default=Value(str(n)), output_field=Telling()) for n in (1, 300)]
    ),
    "aggregates": each(
        lambda text, start: (books(start), ending("aaggregate", x=Max(Value(text), output_field=Telling()))), *"abc"
    ),
}


@pytest.mark.parametrize("kind", TOLD)
def test_a_converter_receives_the_expression_of_its_query(kind: str) -> None:
    ask_in_turn(TOLD[kind])


def test_what_replaces_the_making_of_instances_is_called_for_known_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Tag.from_db.__func__  # type: ignore[attr-defined]  # a class method

    def from_db(cls: Any, *args: Any, **kwargs: Any) -> Any:
        tag = made(cls, *args, **kwargs)
        tag.name = tag.name.upper()
        return tag

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        Model.__init__(self, *args, **kwargs)
        self.made_by = "init"

    def receive(instance: Any, **kwargs: Any) -> None:
        instance.made_by = "a signal"

    replaced: list[Callable[[], object]] = [
        lambda: None,
        lambda: monkeypatch.setattr(Tag, "from_db", classmethod(from_db)),
        monkeypatch.undo,
        lambda: monkeypatch.setattr(Tag, "__init__", init),
        monkeypatch.undo,
        lambda: post_init.connect(receive, Tag),
        lambda: post_init.disconnect(receive, Tag),
    ]
    with Session() as session:
        adj.plan_cache.clear()
        for number, replace in enumerate(replaced):
            replace()
            session.compare_once(lambda start: start(Tag).order_by("pk"), (), is_first=not number)
            session.compare_once(
                lambda start: start(Book.tags.through).select_related("tag").order_by("pk"), (), is_first=not number
            )


# -- keys --------------------------------------------------------------------------------------------------------------


class Scaled(IntegerColumn):
    """Has an attribute that `deconstruct()` does not tell."""

    def __init__(self, scale: int) -> None:
        self.scale = scale
        super().__init__()

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """The number, scaled."""
        return value * self.scale


class ScaledParameter(Scaled):
    """Prepares values by the attribute."""

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """The number, scaled."""
        return super().get_db_prep_value(value, connection, prepared) * self.scale


class ScaledType(Scaled):
    """Has a type by the attribute."""

    def db_type(self, connection: Any) -> str:
        """A type."""
        return "text" if self.scale == 2 else "integer"

    cast_db_type = db_type


_PRICE: Any = Book._meta.get_field("price")


def _altered(**attributes: Any) -> Any:
    """A copy of a model's field, with other attributes."""
    field = copy.copy(_PRICE)
    vars(field).update(attributes)
    return field


class Bits(enum.IntFlag, boundary=enum.KEEP):
    """A flag that keeps bits without a name."""

    ONE = 1


class Level(int):
    """A number with an attribute."""

    def __new__(cls, number: int, label: str) -> Any:
        """A number and its label."""
        level: Any = super().__new__(cls, number)
        level.label = label
        return level


class OfLevel(Func):
    """A function whose SQL depends on an attribute of an attribute."""

    output_field: Any = TextField()

    def __init__(self, level: Any) -> None:
        self.level = level
        super().__init__()

    def as_sql(self, *args: Any, **kwargs: Any) -> Any:
        """The label."""
        return "%s", [self.level.label]


class Zone(datetime.tzinfo):
    """Time zones that all have one text."""

    def __init__(self, hours: int) -> None:
        self.hours = hours

    def utcoffset(self, moment: Any) -> Any:
        """The offset."""
        return datetime.timedelta(hours=self.hours)

    def dst(self, moment: Any) -> Any:
        """None."""
        return None

    def tzname(self, moment: Any) -> str:
        """Always the same."""
        return "X"

    def __repr__(self) -> str:
        """Always the same."""
        return "Zone()"


ALIKE: dict[str, list[Ask]] = {
    "attributes of a field": shown(*[fn.Cast("pages", Scaled(n)) for n in (1, 2, 3)]),
    "attributes of a field, which prepares": each(
        lambda n, start: books(start).annotate(x=fn.Cast("pages", ScaledParameter(n))).filter(x__gt=96), 1, 2, 3
    ),
    "attributes of a field, in its type": shown(*[fn.Cast("pages", ScaledType(n)) for n in (1, 2, 3)]),
    "altered copies of a field": shown(
        fn.Cast("rating", _altered()),
        *[fn.Cast("rating", _altered(decimal_places=n)) for n in (0, 1)],
        fn.Cast("rating", _PRICE),
    ),
    "unnamed bits of a flag": shown(*[fn.Round("rating", precision=Bits(n)) for n in (0, 8, 16)]),
    "attributes of a number": shown(*[OfLevel(Level(1, label)) for label in "abc"]),
    "time zones of one text": each(
        lambda hours, start: books(start).annotate(
            x=fn.Round(
                Case(When(released__gt=datetime.datetime(2021, 3, 28, tzinfo=Zone(hours)), then=1.5), default=2.5),
            )
        ),
        *(1, 2, -3),
    ),
}


@pytest.mark.parametrize("kind", ALIKE)
def test_objects_that_look_alike_keep_apart(kind: str) -> None:
    ask_in_turn(ALIKE[kind])


def test_altered_copies_of_a_field_keep_apart_on_postgresql(postgres: str) -> None:
    ask_in_turn(ALIKE["altered copies of a field"], postgres)


@pytest.mark.parametrize(
    "condition", [{"released__year": 2021}, {"released__date": datetime.date(2021, 3, 28)}], ids=["year", "date"]
)
def test_time_zones_of_one_name_keep_apart(condition: dict[str, Any]) -> None:
    """Their offsets are in parameters that are constants of a plan."""
    with Session() as session:
        adj.plan_cache.clear()
        for number, hours in enumerate((1, 2, -3, 1, 5)):
            zone = datetime.timezone(datetime.timedelta(hours=hours), "X")
            with timezone.override(zone):
                session.compare_once(
                    lambda start: books(start).annotate(
                        x=fn.Round(Case(When(**condition, then=1.5), default=2.5)), y=fn.TruncDay("released")
                    ),
                    (),
                    is_first=not number,
                )


def test_a_time_zone_without_a_hash_has_no_plan() -> None:
    class Unhashable(Zone):
        __hash__ = None  # type: ignore[assignment]

    with timezone.override(Unhashable(1)), Session() as session:
        session.compare(lambda start: books(start).annotate(x=fn.ExtractHour("released")))


def test_content_types_of_another_database_change_the_sql(postgres: str) -> None:
    """A generic relation compares with the content type that the router's database has."""

    def noted(start: Any) -> Any:
        return start(Book).filter(notes__text__gt="A").order_by("pk")

    ContentType.objects.clear_cache()
    try:
        with Session(postgres) as session:
            adj.plan_cache.clear()
            ContentType.objects.db_manager("default").get_for_model(Book)
            for number, key in enumerate((None, None, 1_000, 1_000, 2_000)):
                if key is not None:
                    ContentType.objects.clear_cache()
                    content_type = ContentType.objects.db_manager("default").get_for_model(Book)
                    content_type.pk = content_type.id = key
                session.compare_once(noted, (), is_first=not number)
        assert adj.plan_cache.stats().misses >= 3
        assert adj.plan_cache.stats().hits >= 2
    finally:
        ContentType.objects.clear_cache()
        know_content_types("default")
        know_content_types(postgres)
