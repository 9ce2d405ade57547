"""What a database takes and what not: many parameters, awkward text, and percent signs in SQL, all as under Django."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connections
from django.db.models import F, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Concat

from adj import q
from tests.engines.places import Place
from tests.running import run
from tests.shop.models import Book, Country

NAMES = ("100%", "a_b", "a\\b", "it's", 'so "called"', "é", "plain", "%s", "\\%")


@pytest.fixture
def named(place: Place) -> Place:
    """A place with countries of awkward names."""
    for number, name in enumerate(NAMES):
        place.execute("INSERT INTO shop_country (code, name) VALUES (%s, %s)", f"+{number}", name)
    connections[place.alias].close()
    return place


ERRORS = (DatabaseError, ValueError, TypeError, UnicodeError)


def assert_same(place: Place, *builds: Callable[[Any], Any]) -> list[Any]:
    """Fail unless adj answers twice, without a plan and with one, as Django does; return the answers or the errors."""

    async def answer(build: Callable[[Any], Any]) -> Any:
        try:
            return sorted(each.code for each in await build(q(Country).using(place.alias)).run())
        except ERRORS as error:
            return type(error), str(error)

    async def main() -> list[Any]:
        return [await answer(build) for build in builds for _ in range(2)]

    expected = [djangos_answer(build(Country.objects.using(place.alias))) for build in builds]
    assert run(main()) == [each for each in expected for _ in range(2)]
    return expected


def djangos_answer(queryset: Any) -> Any:
    """The same, of Django."""
    try:
        return sorted(country.code for country in queryset)
    except ERRORS as error:
        return type(error), str(error)


# -- many parameters ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [999, 70_000])
def test_a_long_list_of_operands_is_sent_whole(place: Place, count: int) -> None:
    """P49: also where the server's own protocol has a limit of 65,535 parameters, since they are in the SQL."""
    place.execute("INSERT INTO shop_country (code, name) VALUES (%s, %s)", "+1", "x")
    connections[place.alias].close()
    codes = [f"x{number}" for number in range(count - 1)]

    def found(more: list[str]) -> list[str]:
        return [country.code for country in run(q(Country).using(place.alias).filter(code__in=more).run())]

    assert found([*codes, "+1"]) == ["+1"]
    assert found(["+1", *codes]) == ["+1"]
    assert list(run(q(Country).using(place.alias).ain_bulk([*codes, "+1"]))) == ["+1"]


def test_a_list_that_is_too_long_is_the_error_that_django_raises() -> None:
    """P49: SQLite takes 250,000 parameters as Python builds it; `ain_bulk()` asks in several queries."""
    place = Place("threads on SQLite", "default", "threads")
    codes = [*map(str, range(250_001)), "DE"]
    with place.chosen():
        ((kind, message),) = assert_same(place, lambda source: source.filter(code__in=codes))
        assert issubclass(kind, DatabaseError)
        assert "too many SQL variables" in message
        assert list(run(q(Country).ain_bulk(codes))) == ["DE"]


@pytest.mark.parametrize("engine", ["psycopg", "threads"])
def test_parameters_that_are_bound_on_the_server_have_its_limit(
    postgres: str, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P49: 65,535, and the connection is of use after the error."""
    monkeypatch.setitem(connections.settings[postgres], "OPTIONS", {"server_side_binding": True})
    place = Place(engine, postgres, engine)
    with place.chosen():
        codes = [f"x{number}" for number in range(65_536)]
        with pytest.raises(DatabaseError, match="65535"):
            run(q(Country).using(postgres).filter(code__in=codes).run())
        assert [each.code for each in run(q(Country).using(postgres).filter(code__in=[*codes[:60_000], "DE"]).run())]
    connections[postgres].close()


# -- text --------------------------------------------------------------------------------------------------------------

LOOKUPS = ("exact", "iexact", "contains", "icontains", "startswith", "istartswith", "endswith", "regex", "in")


@pytest.mark.parametrize("lookup", LOOKUPS)
def test_awkward_text_matches_as_in_django(named: Place, lookup: str) -> None:
    """P50: what LIKE would take for a pattern, quotes, a NUL, half of a surrogate pair."""
    texts = (*NAMES, "%", "_", "\\", "", "a\0b", "\udc80")
    assert_same(named, *(finding(lookup, [text, "plain"] if lookup == "in" else text) for text in texts))


def finding(lookup: str, operand: object) -> Callable[[Any], Any]:
    """What asks for the countries of a name."""
    return lambda source: source.filter(**{f"name__{lookup}": operand})


def test_a_pattern_that_comes_from_a_column_is_escaped_as_under_django(named: Place) -> None:
    """P50."""
    (codes, _) = assert_same(
        named,
        lambda source: source.filter(name__contains=F("name")),
        lambda source: source.filter(name__startswith=Concat(Value(""), F("name"), Value("%"))),
    )
    assert "+0" in codes


def test_a_nul_is_an_error_and_the_connection_lives(native: Place) -> None:
    """P50: PostgreSQL's text has none."""
    ((_, message), codes) = assert_same(native, finding("exact", "a\0b"), lambda source: source.filter(code="DE"))
    assert "NUL" in message
    assert codes == ["DE"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("SELECT * FROM shop_country WHERE name LIKE '100%'",),
        ("SELECT * FROM shop_country WHERE name LIKE '100%'", []),
        ("SELECT * FROM shop_country WHERE name LIKE '100%%' AND code = %s", ["+0"]),
        ("SELECT * FROM shop_country WHERE name LIKE '100%' AND code = %s", ["+0"]),
        ("SELECT * FROM shop_country WHERE name LIKE %s", ["100%"]),
        ("SELECT * FROM shop_country WHERE code = %(code)s", {"code": "+0"}),
    ],
)
def test_percent_signs_in_hand_written_sql_mean_what_they_mean_to_django(named: Place, arguments: Any) -> None:
    """P50."""
    assert_same(named, lambda source: source.raw(*arguments))


@pytest.mark.parametrize(
    "build",
    [
        lambda source: source.extra(where=["name LIKE '100%%'"]),
        lambda source: source.extra(where=["name LIKE '100%'"]),
        lambda source: source.extra(where=["name LIKE '100%%' AND code = %s"], params=["+0"]),
        lambda source: source.annotate(text=RawSQL("'100%%'", ())).filter(text=F("name")),
        lambda source: source.annotate(text=RawSQL("%s", ("100%",))).filter(name="100%"),
    ],
)
def test_percent_signs_in_parts_of_a_query_mean_what_they_mean_to_django(named: Place, build: Any) -> None:
    """P50."""
    assert_same(named, build)


@pytest.mark.filterwarnings("ignore:Using percent signs")
@pytest.mark.parametrize("alias", ["a%900000000d", "a%s", "a%%", "a%(x)s", "100%"])
def test_percent_signs_in_an_alias_beside_many_numbers_mean_what_they_mean_to_django(native: Place, alias: str) -> None:
    """P50: adj merges integers into the SQL, and a width must not become text of that length."""

    def build(source: Any) -> Any:
        numbered = source.filter(pk__in=range(60)).annotate(**{alias: F("pages")})
        return numbered.order_by("pk").values_list("pk", alias)

    def answer(fetch: Callable[[], Any]) -> Any:
        try:
            return list(fetch())
        except ERRORS as error:
            return type(error), str(error)

    expected = answer(lambda: build(Book.objects.using(native.alias)))
    assert answer(lambda: run(build(q(Book).using(native.alias)).run())) == expected
