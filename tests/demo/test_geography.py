"""The example project by itself: its models, its loader and its views."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from subprocess import CompletedProcess
from typing import Final

import pytest

Completed = CompletedProcess[str]
Run = Callable[..., Completed]
Ask = Callable[..., list[tuple[int, str]]]

# Ask the ASGI application for each address in the arguments, in one event loop, and print status and body as JSON.
ASK: Final = """
import asyncio, json, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "geography.settings"
import django
django.setup()
import adj
from django.test import AsyncClient

async def body(response):
    if response.streaming:
        return b"".join([chunk async for chunk in response]).decode()
    return response.content.decode()

async def main():
    client = AsyncClient()
    try:
        for address in sys.argv[1:]:
            response = await client.get(address)
            print(json.dumps([response.status_code, await body(response)]))
    finally:
        await adj.close()

asyncio.run(main())
"""


@pytest.fixture
def ask(run_python: Run, demo: Completed) -> Ask:
    """Ask for addresses of the loaded project; the answers are pairs of status and body."""

    def get(*addresses: str) -> list[tuple[int, str]]:
        asked = run_python("-c", ASK, *addresses)
        assert asked.returncode == 0, asked.stderr
        return [(status, body) for status, body in map(json.loads, asked.stdout.splitlines())]

    return get


def test_models_and_migrations_agree(run_python: Run) -> None:
    checked = run_python("manage.py", "makemigrations", "--check", "--dry-run")
    assert checked.returncode == 0, checked.stdout


def test_django_finds_nothing_to_say_about_the_project(run_python: Run) -> None:
    checked = run_python("manage.py", "check", "--fail-level", "WARNING")
    assert checked.returncode == 0, checked.stderr


def test_loading_twice_gives_the_same_counts(run_python: Run, demo: Completed) -> None:
    first, second = (run_python("manage.py", "load_geonames", "--rows", "2000") for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert re.search(r"^ *2,000 cities$", first.stdout, flags=re.MULTILINE)


def test_the_loader_refuses_to_load_no_cities(run_python: Run) -> None:
    refused = run_python("manage.py", "load_geonames", "--rows", "0")
    assert refused.returncode == 1
    assert "--rows counts cities: give 1 or more, not 0." in refused.stderr


def test_the_list_of_countries_comes_in_pages(ask: Ask) -> None:
    answers = [json.loads(body) for _, body in ask("/countries/?continent=eu", "/countries/?continent=eu&page=2")]
    first, second = answers
    assert first["total"] == second["total"] == 53
    assert [row["code"] for row in first["countries"][:3]] == ["RU", "DE", "FR"]
    assert len(first["countries"]) == len(second["countries"]) == 20
    assert first["countries"] != second["countries"]


def test_a_country_shows_what_surrounds_it(ask: Ask) -> None:
    [(status, body)] = ask("/countries/fr/")
    france = json.loads(body)
    assert status == 200
    assert (france["continent"], france["capital"], france["currency"]) == ("Europe", "Paris", "Euro (EUR)")
    assert {"BE", "ES", "IT"} <= set(france["neighbours"])
    assert france["cities"]["largest"][0]["name"] == "Paris"


def test_the_cities_of_a_country_are_streamed(ask: Ask) -> None:
    [(status, body)] = ask("/countries/FR/cities.csv")
    assert status == 200
    header, *lines = body.splitlines()
    assert header == "name,population,latitude,longitude"
    assert any(line.startswith('"Paris",') for line in lines)


@pytest.mark.parametrize("address", ["XX/", "?page=0", "?page=x", "?page=9999999"])
def test_an_unknown_address_is_a_404(ask: Ask, address: str) -> None:
    [(status, _)] = ask(f"/countries/{address}")
    assert status == 404
