"""Models of every kind that Django has: what their rows are, and what they carry."""

from __future__ import annotations

from typing import reveal_type

from django.contrib.auth import get_user_model

from adj import q
from tests.shop.models import Bestseller, Country, Depot, Gadget, OrderLine, Reader
from typecheck_tests.plugin.library.models import Film, LongFilm, Medium, Person, Shelf
from typecheck_tests.plugin.people.models import Badge, Member
from typecheck_tests.plugin.press.models import House, Imprint, TextBox, Title
from typecheck_tests.plugin.press.models.houses import House as SameHouse
from typecheck_tests.plugin.press.models.houses import Owned


async def a_proxy() -> None:
    film = await q(LongFilm).select_related("shelf").aget()
    reveal_type(film)  # R: LongFilm[TypedDict({'shelf'=: Shelf[TypedDict({})]})]
    film.shelf
    film.director  # E: "LongFilm.director" is not loaded: add .select_related("director") to the query ...
    best = await q(Bestseller).aget()
    best.author  # E: "Bestseller.author" is not loaded: add .select_related("author") to the query ...


async def a_child_table() -> None:
    film = await q(Film).select_related("shelf").aget()
    reveal_type(film.shelf)  # R: Shelf[TypedDict({})]
    reveal_type(film.name)  # R: str
    film.director  # E: "Film.director" is not loaded: add .select_related("director") to the query ...


async def the_child_of_a_parent_table() -> None:
    medium = await q(Medium).aget()
    medium.film  # E: "Medium.film" is not loaded: add .select_related("film") to the query ...
    other = await q(Medium).select_related("film").aget()
    reveal_type(other.film.minutes)  # R: int


async def three_tables() -> None:
    reader = await q(Reader).select_related("maker", "favourite__author").aget()
    reader.maker
    if reader.favourite:
        reader.favourite.author
        reader.favourite.editor  # E: "Book.editor" is not loaded: add .select_related("editor") to the query ...
    gadget = await q(Gadget).aget()
    gadget.maker  # E: "Gadget.maker" is not loaded: add .select_related("maker") to the query ...


async def an_abstract_base() -> None:
    house = await q(House).select_related("owner").aget()
    reveal_type(house.owner)  # R: Member[TypedDict({})]
    house.founder  # E: "House.founder" is not loaded: add .select_related("founder") to the query ...


def an_abstract_base_as_a_type(owned: Owned) -> None:
    reveal_type(owned.owner)  # R: Member


async def a_child_of_a_child_of_an_abstract_base() -> None:
    imprint = await q(Imprint).select_related("parent__owner").aget()
    reveal_type(imprint.parent.owner)  # R: Member[TypedDict({})]
    imprint.owner  # E: "Imprint.owner" is not loaded: add .select_related("owner") to the query ...


async def a_generic_model_of_the_project() -> None:
    box = await q(TextBox).aget()
    reveal_type(box.opened("x"))  # R: str
    reveal_type(await q(TextBox).select_related("house").aget())
    # R: TextBox[TypedDict({'house'=: House[TypedDict({})]})]


async def the_swapped_user_model() -> None:
    member = await q(Member).select_related("house__owner").aget()
    reveal_type(member.house)  # R: House[TypedDict({'owner'=: Member[TypedDict({})]})] | None
    member.badge  # E: "Member.badge" is not loaded: add .select_related("badge") to the query ...


async def the_user_model_by_its_setting() -> None:
    member = await q(get_user_model()).aget()
    reveal_type(member)  # R: Member[TypedDict({})]


async def a_relation_by_the_setting() -> None:
    house = await q(House).aget()
    house.owner  # E: "House.owner" is not loaded: add .select_related("owner") to the query ...


async def apps_that_refer_to_each_other() -> None:
    member = await q(Member).prefetch_related("founded__titles", "houses").aget()
    for house in member.founded.all():
        reveal_type([title.kind for title in house.titles.all()])  # R: list[str]
    for house in member.houses.all():
        house.owner
        house.founder  # E: "House.founder" is not loaded: add .select_related("founder") to the query ...


async def a_model_of_a_package() -> None:
    reveal_type(await q(SameHouse).aget())  # R: House[TypedDict({})]
    title = await q(Title.plain).select_related("house__founder__badge").aget()
    reveal_type(title.house.founder.badge.number)  # R: int


async def a_relation_to_itself() -> None:
    shelf = await q(Shelf).prefetch_related("children__children").aget()
    for child in shelf.children.all():
        child.parent
        [other.name for other in child.children.all()]
        child.media


async def a_many_to_many_relation_to_itself() -> None:
    person = await q(Person).prefetch_related("friends__friends").aget()
    for friend in person.friends.all():
        [other.name for other in friend.friends.all()]
        [film.minutes for film in friend.films.all()]  # E: "Person.films" is not loaded: ...


async def a_manager_typed_by_self() -> None:
    reveal_type(Shelf.objects)  # R: Manager[Shelf]
    reveal_type(Title.plain)  # R: Manager[Title]


async def a_property_and_a_cached_property() -> None:
    title = await q(Title).aget()
    reveal_type(title.shown)  # R: str
    reveal_type(title.who)  # R: Member | None


async def methods_of_a_model() -> None:
    house = await q(House).aget()
    reveal_type(house.label())  # R: str
    member = await q(Member).aget()
    reveal_type(member.home())  # R: House | None


async def enumerations() -> None:
    title = await q(Title).aget()
    reveal_type(title.kind)  # R: str
    reveal_type(title.get_kind_display())  # R: str


async def the_key_of_a_text() -> None:
    country = await q(Country).aget()
    reveal_type(country.pk)  # R: str
    depot = await q(Depot).select_related("publisher").aget()
    depot.publisher.country  # E: "Publisher.country" is not loaded: add .select_related("country") to the query ...


async def a_key_of_several_columns() -> None:
    line = await q(OrderLine).select_related("order__customer").aget()
    reveal_type(line.order.customer)  # R: Customer[TypedDict({})]
    line.order.customer.country  # E: "Customer.country" is not loaded: add .select_related("country") to the query ...


async def a_one_to_one_relation_of_the_user() -> None:
    badge = await q(Badge).select_related("member__house").aget()
    reveal_type(badge.member.house)  # R: House[TypedDict({})] | None


async def attributes_of_the_user() -> None:
    member = await q(Member).aget()
    reveal_type(member.is_staff)  # R: bool
    reveal_type(member.username)  # R: str
    [group.name for group in member.groups.all()]  # E: "Member.groups" is not loaded: ...
