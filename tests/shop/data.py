"""The bookshop's rows: the same at every run and on every database, with the values that make trouble."""

from __future__ import annotations

import datetime
import decimal
import uuid
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import connections, transaction

from tests.shop import models
from tests.shop.fields import Money

PORTABLE_MODELS: Final[list[Any]] = [
    model for model in apps.get_app_config("shop").get_models() if model is not models.Shelf
]
"""The models whose columns every database has."""

BERLIN: Final = ZoneInfo("Europe/Berlin")
UTC: Final = datetime.UTC

COUNTRIES: Final = [
    ("DE", "Germany", 83_200_000, True),
    ("FR", "France", 68_000_000, True),
    ("GB", "United Kingdom", 67_700_000, False),
    ("IS", "Ísland", 387_758, None),
    ("JP", "日本", 124_500_000, None),
    ("US", "United States", 334_900_000, False),
    ("XX", "", None, None),
]
PUBLISHERS: Final = [
    ("Ace Books", "ace", "US", 1952),
    ("Gallimard", "gallimard", "FR", 1911),
    ("Penguin", "penguin", "GB", 1935),
    ("Suhrkamp", "suhrkamp", "DE", 1950),
    ("岩波書店", "iwanami", "JP", 1913),
    ("Mál og menning", "mal-og-menning", "IS", None),
    ("Noname's 100% Press_", "noname", None, None),
]
AUTHORS: Final = [
    ("Ursula K. Le Guin", "", datetime.date(1929, 10, 21), "ace", None),
    ("Jane Austen", "A Lady", datetime.date(1775, 12, 16), "penguin", None),
    ("Émile Zola", "", datetime.date(1840, 4, 2), "gallimard", None),
    ("Stanisław Lem", "", datetime.date(1921, 9, 12), "suhrkamp", 0),
    ("村上春樹", "Haruki Murakami", datetime.date(1949, 1, 12), "iwanami", None),
    ("Halldór Laxness", "", datetime.date(1902, 4, 23), "mal-og-menning", None),
    ("Octavia E. Butler", "", datetime.date(1947, 6, 22), "ace", 0),
    ("Homer", "", None, None, None),
    ("George Eliot", "Mary Ann Evans", datetime.date(1819, 11, 22), "penguin", 1),
    ("Anonymous", "", None, "noname", None),
    ('O\'Brien \\ "Flann"', "Myles na gCopaleen", datetime.date(1911, 10, 5), "penguin", 8),
    ("jane austen", "", None, None, 1),
]
CATEGORIES: Final = [
    ("Fiction", None),
    ("Poetry", None),
    ("Science fiction", 0),
    ("Classic", 0),
    ("Space", 2),
    ("Epic", 1),
    ("Épique", 5),
    ("", None),
]
TAGS: Final = ["classic", "space", "sea", "love", "war", "humour", "été", "100%", "under_score", "unused"]
TITLES: Final = [
    ("The Left Hand of Darkness", 0, 2), ("The Dispossessed", 0, 2), ("A Wizard of Earthsea", 0, 0),
    ("The Lathe of Heaven", 0, 2), ("The Word for World Is Forest", 0, 4), ("Lavinia", 0, None),
    ("Pride and Prejudice", 1, 3), ("Emma", 1, 3), ("Persuasion", 1, 3), ("Mansfield Park", 1, 3),
    ("Germinal", 2, 3), ("Nana", 2, 3), ("L'Assommoir", 2, 3), ("La Bête humaine", 2, None),
    ("Solaris", 3, 4), ("The Cyberiad", 3, 2), ("Fiasco", 3, 4), ("His Master's Voice", 3, 2),
    ("ノルウェイの森", 4, 0), ("海辺のカフカ", 4, 0), ("1Q84", 4, 2), ("Independent People", 5, 3),
    ("World Light", 5, None), ("Under the Glacier", 5, 7), ("Kindred", 6, 2), ("Dawn", 6, 4),
    ("Parable of the Sower", 6, 2), ("Fledgling", 6, 2), ("Odyssey", 7, 5), ("Iliad", 7, 5), ("odyssey", 7, 6),
    ("Middlemarch", 8, 3), ("Silas Marner", 8, 3), ("Adam Bede", 8, 3), ("Beowulf", 9, 5), ("", 9, None),
    ("100% Pure_Fiction", 9, 0), ("Nibelungenlied", 9, 5), ("At Swim-Two-Birds", 10, 3), ("The Third Policeman", 10, 0),
    ("An Béal Bocht", 10, None), ("Untitled", 11, None), ("Emma", 11, 3), ("C:\\Temp\\*", 11, 7),
    ("Tales", 0, 0), ("Tales", 5, 0), ("Zoë's Ice-cream?", 4, 1), ("Straße", 3, 1),
]  # fmt: skip
# Before, inside and after the hour that a clock in Berlin shows twice, and around the one that it leaves out.
MOMENTS: Final = [
    datetime.datetime(2021, 3, 28, 0, 59, 59, 999_999, tzinfo=UTC),
    datetime.datetime(2021, 3, 28, 1, 0, tzinfo=UTC),
    datetime.datetime(2021, 10, 31, 0, 30, tzinfo=UTC),
    datetime.datetime(2021, 10, 31, 1, 30, tzinfo=UTC),
    datetime.datetime(2021, 10, 31, 1, 30, 0, 1, tzinfo=UTC),
    datetime.datetime(1999, 12, 31, 23, 30, tzinfo=BERLIN),
    datetime.datetime(2000, 1, 1, 0, 15, tzinfo=BERLIN),
    datetime.datetime(2024, 2, 29, 12, 0, tzinfo=BERLIN),
    datetime.datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime.datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC),
]
METADATA: Final[list[Any]] = [
    {"awards": ["Hugo", "Nebula"], "prints": 12, "loc": {"shelf": "A1", "row": 3}},
    {},
    None,
    {"prints": None, "lang": "fr"},
    [],
    ["one", 2, {"three": 3}],
    {"lang": "日本語", "prints": 0, "ok": True, "ratio": 0.5},
    "text",
    17,
    {"loc": {"shelf": None}, "ok": False, "quote'\"key": 1},
]


def load(using: str) -> None:
    """Fill the empty tables of a database."""
    with transaction.atomic(using=using):
        _load_people(using)
        books = _load_books(using)
        _load_around_books(using, books)
        _load_shop(using, books)
        _load_items(using, books)
        if connections[using].vendor == "postgresql":
            _load_shelves(using)


def moment(number: int) -> datetime.datetime:
    """One of a hundred moments, the awkward ones first."""
    return MOMENTS[number % len(MOMENTS)] + datetime.timedelta(days=number // len(MOMENTS) * 37)


def _load_people(using: str) -> None:
    countries = [
        models.Country(code=code, name=name, population=population, is_member=is_member)
        for code, name, population, is_member in COUNTRIES
    ]
    models.Country.objects.using(using).bulk_create(countries)
    publishers = [
        models.Publisher(name=name, slug=slug, country_id=country, founded=founded)
        for name, slug, country, founded in PUBLISHERS
    ]
    by_slug = {publisher.slug: publisher for publisher in models.Publisher.objects.using(using).bulk_create(publishers)}
    authors: list[models.Author] = []
    for number, (name, pen_name, born, publisher, mentor) in enumerate(AUTHORS):
        author = models.Author(
            name=name,
            pen_name=pen_name,
            born=born,
            publisher=None if publisher is None else by_slug[publisher],
            mentor=None if mentor is None else authors[mentor],
            created=moment(number),
            updated=moment(number + 3) if number % 3 else None,
        )
        author.save(using=using)
        authors.append(author)
    models.AuthorProfile.objects.using(using).bulk_create(
        models.AuthorProfile(
            author=author,
            bio=f"{author.name} wrote.\nMuch of it was good." if number % 4 else "",
            website=f"https://example.org/{number}" if number % 3 else None,
            email=f"author{number}@example.org" if number % 2 else "",
            address=["192.168.0.1", "::1", None][number % 3],
        )
        for number, author in enumerate(authors)
        if number % 5
    )
    categories: list[models.Category] = []
    for name, parent in CATEGORIES:
        category = models.Category(name=name, parent=None if parent is None else categories[parent])
        category.save(using=using)
        categories.append(category)
    models.Tag.objects.using(using).bulk_create(
        models.Tag(name=name, weight=number - 4) for number, name in enumerate(TAGS)
    )


def _load_books(using: str) -> list[models.Book]:
    authors = list(models.Author.objects.using(using).order_by("pk"))
    categories = list(models.Category.objects.using(using).order_by("pk"))
    publishers = list(models.Publisher.objects.using(using).order_by("pk"))
    books = [
        models.Book(
            title=title,
            subtitle=[None, "", "A novel", "Ein Roman"][number % 4],
            isbn=f"978{number:010d}",
            author=authors[author],
            editor=authors[(number * 5) % len(authors)] if number % 3 == 0 else None,
            publisher=None if number % 7 == 3 else publishers[(author + number // 9) % len(publishers)],
            category=None if category is None else categories[category],
            pages=[0, 96, 220, 341, 400, 512, 1_024][number % 7],
            weight=[None, -3, 0, 250, 32_767, -32_768][number % 6],
            copies_sold=[0, 7, 1_200, 999_999, 1_000_000, 2**40 + number, 2**63 - 1][number % 7],
            rating=[None, 0.0, 1.5, 3.25, 4.0, 4.75, 5.0, 1 / 3][number % 8],
            price=decimal.Decimal(number * 137 % 4_000) / 100,
            cost=None if number % 5 == 0 else Money(number * 55),
            published=None if number % 6 == 5 else datetime.date(1960 + number, number % 12 + 1, number % 28 + 1),
            released=None if number % 4 == 3 else moment(number),
            reading_hour=[None, datetime.time(0, 0), datetime.time(12, 30, 15), datetime.time(23, 59, 59, 999_999)][
                number % 4
            ],
            reading_time=[None, datetime.timedelta(0), datetime.timedelta(hours=7, microseconds=5)][number % 3],
            reference=uuid.UUID(int=number * 7_919 + 2**100),
            is_available=number % 3 != 1,
            is_translated=[None, True, False][number % 3],
            cover=[None, b"", b"\x00\xff\x10cover"][number % 3],
            format=list(models.Format)[number % 3],
            metadata=METADATA[number % len(METADATA)],
        )
        for number, (title, author, category) in enumerate(TITLES)
    ]
    made: list[models.Book] = models.Book.objects.using(using).bulk_create(books)
    return made


def _load_around_books(using: str, books: list[models.Book]) -> None:
    authors = list(models.Author.objects.using(using).order_by("pk"))
    tags = list(models.Tag.objects.using(using).order_by("pk"))
    tagged: Any = models.Book.tags.through
    tagged.objects.using(using).bulk_create(
        tagged(book_id=book.pk, tag_id=tag.pk)
        for number, book in enumerate(books)
        for position, tag in enumerate(tags[:-1])
        if (number + 1) * (position + 3) % 5 == 0
    )
    models.BookDetail.objects.using(using).bulk_create(
        models.BookDetail(book=book, summary=f"About {book.title}" if number % 4 else "", printings=number % 5)
        for number, book in enumerate(books)
        if number % 3
    )
    models.Contribution.objects.using(using).bulk_create(
        models.Contribution(book=book, author=authors[(number + shift) % len(authors)], role=role, position=shift)
        for number, book in enumerate(books)
        for shift, role in enumerate(["translator", "preface", "translator"][: number % 4])
    )
    for number, book in enumerate(books[:12]):
        for chapter in range(number % 4):
            models.Chapter(book=book, title=f"Chapter {chapter + 1}").save(using=using)
    models.Review.objects.using(using).bulk_create(
        models.Review(
            book=book,
            critic=["Ada", "Bob", "Çelik"][critic],
            stars=(number + critic * 2) % 6 - 1,
            text="" if critic == 2 else f"I read {book.title or 'it'}.",
            is_hidden=number % 9 == 0,
            created=moment(number + critic),
            updated=None,
        )
        for number, book in enumerate(books)
        for critic in range(number % 4)
    )
    content_types = ContentType.objects.db_manager(using)
    about = [*books[:6], *authors[:3]]
    models.Note.objects.using(using).bulk_create(
        models.Note(
            content_type_id=content_types.get_for_model(type(target)).pk, object_id=target.pk, text=f"note {number}"
        )
        for number, target in enumerate(about)
    )


def _load_shop(using: str, books: list[models.Book]) -> None:
    publishers = list(models.Publisher.objects.using(using).order_by("pk"))
    depots = models.Depot.objects.using(using).bulk_create(
        models.Depot(name=f"Depot {number}", publisher=publishers[number % len(publishers)]) for number in range(5)
    )
    stored: Any = models.Depot.books.through
    stored.objects.using(using).bulk_create(
        stored(depot_id=depot.pk, book_id=book.pk)
        for number, depot in enumerate(depots)
        for book in books[number :: number + 3]
    )
    customers = models.Customer.objects.using(using).bulk_create(
        models.Customer(name=name, country_id=country)
        for name, country in [("Ann", "GB"), ("Bjørk", "IS"), ("Çem", "DE"), ("ann", "US"), ("", "XX")]
    )
    models.Visit.objects.using(using).bulk_create(
        models.Visit(customer=customers[number % 4], moment=moment(number), page=f"/{number % 3}")
        for number in range(14)
    )
    orders = models.Order.objects.using(using).bulk_create(
        models.Order(
            id=uuid.UUID(int=number * 104_729 + 5),
            customer=customers[number % 4],
            placed=moment(number),
            is_paid=[True, False, None][number % 3],
        )
        for number in range(9)
    )
    models.OrderLine.objects.using(using).bulk_create(
        models.OrderLine(
            order=order,
            number=line,
            book=None if line == 3 else books[(number * 11 + line) % len(books)],
            quantity=line,
            cents=number * 250 + line,
        )
        for number, order in enumerate(orders)
        for line in range(1, number % 4 + 1)
    )


def _load_items(using: str, books: list[models.Book]) -> None:
    publishers = list(models.Publisher.objects.using(using).order_by("pk"))
    price = decimal.Decimal("19.90")
    for number in range(3):
        models.Item(name=f"Item {number}", price=price * number, maker=publishers[number]).save(using=using)
    for number in range(3):
        models.Gadget(name=f"Gadget {number}", price=price, voltage=number * 110, tested=None).save(using=using)
    for number in range(4):
        models.Reader(
            name=f"Reader {number}",
            price=price + number,
            maker=publishers[number] if number % 2 else None,
            voltage=5,
            tested=datetime.date(2020, 1, number + 1),
            screen=6 + number / 4,
            favourite=books[number] if number else None,
        ).save(using=using)


def _load_shelves(using: str) -> None:
    models.Shelf.objects.using(using).bulk_create(
        models.Shelf(label=f"Shelf {number}", numbers=list(range(number)), labels=[None, [], ["a", "b"]][number % 3])
        for number in range(6)
    )


def know_content_types(alias: str) -> None:
    """Load all content types, which Django then keeps: the first query for them would otherwise count as one more."""
    ContentType.objects.db_manager(alias).get_for_models(*apps.get_models(), for_concrete_models=False)
