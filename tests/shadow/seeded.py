"""`python -m tests.shadow.seeded`: faults put into adj's compiler on purpose, and which differences the harness finds.

Prints JSON: for each fault the reasons, with the ways of asking that showed them. Runs in a new process, since the
hooks stay where they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeAlias

import django
from django.conf import settings

# A prepared question, before and after it was spoilt; the faults look at nothing but what every one has.
Fault: TypeAlias = Callable[[Any], Any]


def keeps_first_values() -> Fault:
    """The values that a plan was made from stay in it."""
    first: dict[str, Any] = {}

    def spoil(ready: Any) -> Any:
        if not ready.was_cached:
            first[ready.sql] = ready.parameters
        return replace(ready, parameters=first[ready.sql])

    return spoil


def lacks_a_condition() -> Fault:
    """The plan of another structure is found under the key."""
    return lambda ready: replace(ready, sql=ready.sql.partition(" WHERE ")[0], parameters=())


def changes_a_type() -> Fault:
    """A parameter that Python takes for the same is sent."""
    return lambda ready: replace(ready, parameters=tuple(map(_as_another_type, ready.parameters)))


def _as_another_type(value: object) -> object:
    return type("Text", (str,), {})(value) if type(value) is str else value


def swaps_columns() -> Fault:
    """The layout of another query is used for the rows."""

    def spoil(ready: Any) -> Any:
        hydrate = ready.plan.hydrate
        plan = replace(ready.plan, hydrate=lambda rows: hydrate([(key, *rest[::-1]) for key, *rest in rows]))
        return replace(ready, plan=plan)

    return spoil


def refuses() -> Fault:
    """An error where Django answers."""

    def spoil(ready: Any) -> Any:
        raise ValueError("no")

    return spoil


def nothing() -> Fault:
    """No fault."""
    return lambda ready: ready


FAULTS = (nothing, keeps_first_values, lacks_a_condition, changes_a_type, swaps_columns, refuses)


def main() -> None:
    """Let Django evaluate a few QuerySets under each fault."""
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    settings.configure(INSTALLED_APPS=["django.contrib.contenttypes"], DATABASES={"default": database})
    django.setup()
    # After setup(): it imports Django's models.
    from tests.shadow.hooks import install

    install()
    _create_rows()
    print(json.dumps({fault.__name__: _found(fault()) for fault in FAULTS}))  # noqa: T201  # that is the answer


def _create_rows() -> None:
    from django.contrib.contenttypes.models import ContentType
    from django.db import connection

    with connection.schema_editor() as editor:
        editor.create_model(ContentType)
    for label, model in (("press", "book"), ("press", "author"), ("bank", "book")):
        ContentType.objects.create(app_label=label, model=model)


def _found(fault: Fault) -> Mapping[str, list[str]]:
    from django.contrib.contenttypes.models import ContentType

    from tests.shadow.tally import TALLY

    TALLY.differences.clear()
    with _seeded(fault):
        list(ContentType.objects.filter(app_label="press").order_by("model"))
        ContentType.objects.filter(model="book").count()
        ContentType.objects.get(app_label="bank", model="book")
    if TALLY.broken:
        raise RuntimeError(TALLY.broken)
    return {one.reason: sorted(sides) for one, sides in TALLY.differences.items()}


@contextmanager
def _seeded(fault: Fault) -> Iterator[None]:
    """Let every question that is ready to be sent be spoilt."""
    from tests.shadow import asking

    module: Any = asking
    prepare = module.prepare
    module.prepare = lambda *question: fault(prepare(*question))
    try:
        yield
    finally:
        module.prepare = prepare


if __name__ == "__main__":
    main()
