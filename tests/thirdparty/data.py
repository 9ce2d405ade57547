"""The rows that every case starts from, and what is in the tables afterwards."""

from __future__ import annotations

import re
from typing import Any

from django.apps import apps
from django.db import connection

from tests.thirdparty.models import (
    Bar,
    Circle,
    Document,
    Folder,
    Food,
    Genre,
    News,
    Place,
    Poll,
    Product,
    Restaurant,
    Shape,
    Square,
    Task,
)


def tables() -> list[str]:
    """The tables of the models, those of packages included."""
    names = {
        model._meta.db_table for name in ("thirdparty", "taggit") for model in apps.get_app_config(name).get_models()
    }
    return sorted(names)


def load() -> None:
    """Empty all tables and fill them; keys begin at one."""
    with connection.cursor() as cursor, connection.constraint_checks_disabled():
        for table in tables():
            cursor.execute(f"DELETE FROM {table}")  # our own names
        if connection.vendor == "sqlite":
            cursor.execute("DELETE FROM sqlite_sequence")
    for name, amount, currency in (("pen", 5, "EUR"), ("ink", 5, "USD"), ("cap", 9, "EUR"), ("box", 2, "USD")):
        Product.objects.create(name=name, price=amount, price_currency=currency)
    Shape.objects.create(name="any")
    Circle.objects.create(name="ring", radius=3)
    Square.objects.create(name="tile", side=4)
    Circle.objects.create(name="disc", radius=7)
    folders = [Folder.objects.create(name=name) for name in ("here", "gone", "there")]
    for number in range(6):
        Document.objects.create(name=f"doc{number}", folder=folders[number % 3], pages=number)
    Document.objects.get(name="doc2").delete()
    folders[1].delete()
    Place.objects.create(name="square")
    Restaurant.objects.create(name="Roma", stars=2)
    Bar.objects.create(name="Bar", seats=9)
    for name in ("one", "two", "three"):
        Task.available_objects.create(name=name)
    Task.available_objects.filter(name="two").delete()
    for english, german in (("apple", "Zitat"), ("pear", "Birne"), ("zoo", "Affe")):
        News.objects.create(title_en=english, title_de=german, views=len(english))
    for question in ("why", "how"):
        poll = Poll.objects.create(question=question)
        poll.question = f"{question}?"
        poll.save()
    root = Genre.objects.create(name="rock")
    Genre.objects.create(name="metal", parent=root)
    Genre.objects.create(name="blues", parent=root)
    Genre.objects.create(name="pop")
    for name, tags in (("apple", ["red", "sweet"]), ("chili", ["red", "hot"]), ("cake", ["sweet"])):
        food = Food.objects.create(name=name)
        food.tags.add(*tags)


def dump() -> dict[str, Any]:
    """Everything that the tables hold, without the moments at which it was written."""
    found = {}
    with connection.cursor() as cursor:
        for table in tables():
            cursor.execute(f"SELECT * FROM {table} ORDER BY 1")  # our own names
            found[table] = [timeless(row) for row in cursor.fetchall()]
    return found


def timeless(value: Any) -> str:
    """A text of a value without moments and addresses."""
    text = re.sub(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(\+00:00)?", "<moment>", repr(value))
    return re.sub(r"datetime\.datetime\([^)]*\)", "<moment>", text)
