"""Hydrators: the generated code makes what Django's own makes, from the same rows."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Any

import django
import pytest
from django.core.exceptions import SynchronousOnlyOperation
from django.db import connections, models
from django.db.models import Count, F, FilteredRelation, Model, Q, Value
from django.db.models.base import ModelBase, ModelState
from django.db.models.functions import Concat, Lower
from django.db.models.signals import post_init, pre_init
from django.test.utils import isolate_apps
from django.utils.functional import cached_property

from adj import NotLoaded, q
from adj.compiler.django.build import build
from adj.compiler.plans.djangos_sql import capture
from adj.compiler.plans.planning import _layout
from adj.hydrate import generate
from adj.hydrate.instances import (
    _general_hydrator,
    _generated_hydrator,
    instance_code_check,
    instance_hydrator,
    is_plain_model,
)
from adj.hydrate.layout import Layout
from adj.hydrate.rows import hydrator_for
from adj.statement.shapes import Answer, RowShape
from adj.statement.statement import ROWS
from tests.names import LOOK_ALIKES, NAMES, OURS, SIGNS, WORDS
from tests.parity.oracle import compare
from tests.parity.plain import difference, plain
from tests.receivers import receiving
from tests.running import run
from tests.shop import data
from tests.shop.models import (
    Author,
    AuthorProfile,
    Bestseller,
    Book,
    BookDetail,
    Category,
    Chapter,
    Customer,
    Depot,
    Gadget,
    Item,
    Note,
    Order,
    OrderLine,
    Publisher,
    Reader,
    Review,
    Tag,
    Visit,
)
from tests.unit.asking import AnyQuery, dialect

MODELS = data.PORTABLE_MODELS
NOT_PLAIN = {Customer, Visit}
HAS_FETCH_MODES = django.VERSION >= (6, 1)


def layout_and_rows(query: AnyQuery) -> tuple[Layout, list[tuple[object, ...]]]:
    """What a query's rows look like, and the rows as the database sends them."""
    known = dialect()
    with known.installed():
        queryset = build(query.statement).using("default")
        captured = capture(queryset, ROWS, "default")
        layout = _layout(queryset, captured.compiler, Answer.ROWS, "default")
    with connections["default"].cursor() as cursor:
        cursor.execute(captured.sql, captured.parameters)
        return layout, list(cursor.fetchall())


def assert_same(ours: Any, djangos: Any) -> None:
    one, other = plain(ours), plain(djangos)
    assert one == other, difference(other, one)


def deferred_pair(manager: Any) -> AnyQuery:
    return q(manager).only("title", "author__name", "author__born").select_related("author")


def every(model: type[models.Model]) -> AnyQuery:
    return q(model._base_manager.order_by("pk"))


INSTANCES: dict[str, Callable[[], Any]] = {
    **{f"every {model.__name__}": partial(every, model) for model in MODELS},
    "nested": lambda: q(Book).select_related(
        "author__publisher__country", "editor__mentor", "category__parent__parent"
    ),
    "nullable": lambda: q(Book).select_related("editor", "publisher__country", "category"),
    "reverse one-to-one": lambda: q(Book).select_related("detail"),
    "reverse and forward": lambda: q(Author).select_related("profile", "mentor__profile", "publisher__country"),
    "one-to-one": lambda: q(AuthorProfile).select_related("author__publisher", "author__profile"),
    "one-to-one as key": lambda: q(BookDetail).select_related("book__author"),
    "ordered by a relation": lambda: q(Review).select_related("book__publisher"),
    "self": lambda: q(Category).select_related("parent__parent"),
    "other field": lambda: q(Depot).select_related("publisher__country"),
    "content type": lambda: q(Note).select_related("content_type"),
    "inheritance": lambda: q(Reader).select_related("maker__country", "favourite__author"),
    "parents": lambda: q(Reader).select_related("gadget_ptr__item_ptr__maker"),
    "children": lambda: q(Item).select_related("gadget__reader__favourite"),
    "child of a child": lambda: q(Gadget).select_related("reader", "item_ptr"),
    "proxy": lambda: q(Bestseller).select_related("author"),
    "composite key": lambda: q(OrderLine).select_related("book__author"),
    "composite key and not plain": lambda: q(OrderLine).select_related("order__customer__country", "book"),
    "relation that is not plain": lambda: q(Order).select_related("customer"),
    "not plain": lambda: q(Visit).select_related("customer__country"),
    "only": lambda: q(Book).only("title", "author"),
    "only of a relation": lambda: deferred_pair(Book.objects),
    "defer": lambda: q(Book).defer("metadata", "cover", "author"),
    "defer of a relation": lambda: q(Book).select_related("author").defer("author__born", "title"),
    "defer of a parent": lambda: q(Reader).defer("name", "screen"),
    "only of a child": lambda: q(Item).select_related("gadget").only("name", "gadget__voltage"),
    "only of a composite key": lambda: q(OrderLine).only("quantity"),
    "annotations": lambda: q(Book).annotate(n=Count("tags"), a=Lower("title"), b=Value("x"), c=F("author__name")),
    "annotations and relations": lambda: q(Book).select_related("author", "detail").annotate(a=Lower("title")),
    "annotation called as a method": lambda: q(Book).annotate(delete=Lower("title"), full_clean=Value(3)),
    "annotation called as a class attribute": lambda: q(Book).annotate(objects=Value(1), DoesNotExist=Value("x")),
    "annotation called as a Python word": lambda: q(Book).annotate(
        **{"class": Value(1), "i0": Value(2), "rows": Value(3)}
    ),
    "annotation called as what Django uses": lambda: q(Book).annotate(_prefetched_objects_cache=Value(1)),
    "alias": lambda: q(Book).alias(a=Lower("title")).annotate(b=Concat("a", Value("!"))),
    "extra": lambda: q(Book).extra(select={"more": "pages + 1", "text": "'x'"}),
    "extra and annotations": lambda: q(Book).extra(select={"more": "pages + 1"}).annotate(n=Count("tags")),
    "filtered relation": lambda: (
        q(Author).annotate(long=FilteredRelation("books", condition=Q(books__pages__gt=300))).select_related("long")
    ),
    "filtered one-to-one": lambda: (
        q(Book).annotate(about=FilteredRelation("detail", condition=Q(detail__printings__gt=2))).select_related("about")
    ),
    "manager with an annotation": lambda: q(Publisher.counted.all()),
    "order by a related column": lambda: q(Book).order_by("author__name", "-pk").distinct(),
    "no rows": lambda: q(Book).filter(title="no such").select_related("author"),
    "union": lambda: q(Book).filter(pages__gt=300).union(q(Book).filter(pages=0)),
    "reversed": lambda: q(Chapter).reverse().select_related("book"),
}
CASES = [pytest.param(ask, id=name) for name, ask in INSTANCES.items()]


@pytest.mark.parametrize("ask", CASES)
def test_the_generated_hydrator_makes_what_the_general_one_makes(ask: Callable[[], AnyQuery]) -> None:
    """A fast path is proven equal to the general one by a test that runs both, on the same rows."""
    layout, rows = layout_and_rows(ask())
    if is_plain_layout(layout):
        assert_same(_generated_hydrator(layout)(rows), _general_hydrator(layout)(rows))
    assert_same(instance_hydrator(layout)(rows), _general_hydrator(layout)(rows))


def is_plain_layout(layout: Layout) -> bool:
    assert layout.klass_info is not None
    waiting: list[Any] = [layout.klass_info]
    while waiting:
        found = waiting.pop()
        if not is_plain_model(found["model"]):
            return False
        waiting.extend(found.get("related_klass_infos", ()))
    return True


@pytest.mark.parametrize("ask", CASES)
def test_the_general_hydrator_makes_what_django_makes(ask: Callable[[], AnyQuery]) -> None:
    layout, rows = layout_and_rows(ask())
    assert_same(_general_hydrator(layout)(rows), list(ask().queryset))


@pytest.mark.parametrize("ask", CASES)
def test_rows_of_a_run_are_what_django_makes_cold_and_from_the_cache(
    ask: Callable[[], AnyQuery], empty_plan_cache: None
) -> None:
    async def twice() -> list[Any]:
        return [await ask().run(), await ask().run()]

    djangos = list(ask().queryset)
    for ours in run(twice()):
        assert_same(ours, djangos)


SHAPES: dict[str, Callable[[], Any]] = {
    "values": lambda: q(Book).values(),
    "values of names": lambda: q(Book).values("title", "author__name", "pk"),
    "values with an annotation": lambda: q(Book).annotate(n=Count("tags")).values("n", "title"),
    "values of an expression": lambda: q(Book).values("title", low=Lower("title")),
    "values of a composite key": lambda: q(OrderLine).values("pk", "quantity"),
    "values of JSON": lambda: q(Book).values("metadata", "metadata__loc", "metadata__loc__row"),
    "values of everything": lambda: q(Book).values("released", "price", "reference", "cost", "cover", "reading_time"),
    "tuples": lambda: q(Book).values_list("title", "released", "price"),
    "tuples as sent": lambda: q(Book).values_list("pk", "pages", "title"),
    "one tuple": lambda: q(Book).values_list("title"),
    "tuples of all": lambda: q(Book).values_list(),
    "tuples of a composite key": lambda: q(OrderLine).values_list("pk", "number", "pk"),
    "flat": lambda: q(Book).values_list("price", flat=True),
    "flat composite key": lambda: q(OrderLine).values_list("pk", flat=True),
    "flat expression": lambda: q(Book).values_list(Lower("title"), flat=True),
    "named": lambda: q(Book).values_list("title", "price", named=True),
    "named expression": lambda: q(Book).values_list("title", Lower("isbn"), named=True),
    "extra": lambda: q(Book).extra(select={"more": "pages + 1"}).values("more", "title"),
    "extra in tuples": lambda: q(Book).extra(select={"more": "pages + 1"}).values_list("title", "more"),
    "dates": lambda: q(Book).dates("published", "month"),
    "datetimes": lambda: q(Book).datetimes("released", "hour"),
    "distinct ordered by another column": lambda: q(Book).values_list("title").order_by("author__name").distinct(),
    "the same twice": lambda: q(Book).values_list("title", "title"),
    "union": lambda: q(Book)
    .values_list("title", "pk")
    .union(q(Author).order_by().values_list("name", "pk"))
    .order_by("title", "pk"),
}  # fmt: skip


@pytest.mark.parametrize("ask", [pytest.param(ask, id=name) for name, ask in SHAPES.items()])
def test_other_rows_are_what_django_makes(ask: Callable[[], AnyQuery]) -> None:
    layout, rows = layout_and_rows(ask())
    assert layout.shape is not RowShape.INSTANCE
    assert_same(hydrator_for(layout)(rows), list(ask().queryset))


def test_a_filtered_relation_and_an_annotation_are_both_attributes() -> None:
    """In another order than in Django, which only code that lists `__dict__` sees."""
    query = (
        q(Author)
        .annotate(long=FilteredRelation("books", condition=Q(books__pages__gt=300)), n=Lower("name"))
        .select_related("long__category", "publisher")
        .order_by("pk", "long__pk")
    )
    layout, rows = layout_and_rows(query)
    ours, djangos = _generated_hydrator(layout)(rows), list(query.queryset)
    assert len(ours) == len(djangos) > 20
    one: Any
    other: Any
    for one, other in zip(ours, djangos, strict=True):
        assert sorted(vars(one)) == sorted(vars(other))
        long: Any = getattr(one, "long", None)
        djangos_long: Any = getattr(other, "long", None)
        assert [long, one.n, one.publisher] == [djangos_long, other.n, other.publisher]
        assert long is None or (long.category == djangos_long.category and long.author is one)


# -- models with code of their own -------------------------------------------------------------------------------------


def test_models_of_the_shop_are_plain_unless_they_override_how_instances_are_made() -> None:
    assert {model for model in MODELS if not is_plain_model(model)} == NOT_PLAIN


class Counted:
    """A mixin that counts instances."""

    made = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        Counted.made += 1


@isolate_apps("tests.shop")
def test_a_model_is_not_plain_where_filling_its_dict_would_skip_code() -> None:
    class Watched(models.CharField):  # type: ignore[type-arg]  # generic for checkers only
        descriptor_class = type("Own", (models.CharField.descriptor_class,), {})

    class Base(models.Model):
        class Meta:
            abstract = True
            app_label = "shop"

    class Plain(Base):
        def __str__(self) -> str:
            return "plain"

        class Meta(Base.Meta):
            app_label = "shop"

    class WithMixin(Counted, Base):
        class Meta(Base.Meta):
            app_label = "shop"

    class WithSetattr(Base):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)

        class Meta(Base.Meta):
            app_label = "shop"

    class WithNew(Base):
        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            return super().__new__(cls)

        class Meta(Base.Meta):
            app_label = "shop"

    class WithFromDb(Base):
        @classmethod
        def from_db(cls, *args: Any, **kwargs: Any) -> Any:
            return super().from_db(*args, **kwargs)

        class Meta(Base.Meta):
            app_label = "shop"

    class WithDescriptor(Base):
        name = Watched(max_length=3)

        class Meta(Base.Meta):
            app_label = "shop"

    class WithFile(Base):
        file = models.FileField()

        class Meta(Base.Meta):
            app_label = "shop"

    assert [is_plain_model(model) for model in (Plain, WithFile)] == [True, True]
    assert [is_plain_model(model) for model in (WithMixin, WithSetattr, WithNew, WithFromDb, WithDescriptor)] == [
        False
    ] * 5


def test_an_overridden_init_runs() -> None:
    async def ask() -> list[Any]:
        return [await q(Customer).run(), await q(Order).select_related("customer").run()]

    customers, orders = run(ask())
    assert customers
    assert all(customer.made_by_init for customer in customers)
    assert all(order.customer.made_by_init for order in orders)


def test_an_overridden_from_db_runs() -> None:
    async def ask() -> list[Any]:
        return [await q(Visit).run(), await q(Visit).defer("page").run()]

    visits, deferred = run(ask())
    assert [visit.loaded_page for visit in visits] == [visit.page for visit in visits]
    assert {visit.loaded_page for visit in deferred} == {None}


@isolate_apps("tests.shop")
def test_an_annotation_goes_through_a_property_with_a_setter() -> None:
    class Shouting(Book):
        @property
        def loud(self) -> str:
            return f"{self.__dict__['kept']}!"

        @loud.setter
        def loud(self, value: str) -> None:
            vars(self).update(kept=value.upper())

        class Meta:
            proxy = True
            app_label = "shop"

    query = q(Shouting).annotate(loud=F("title")).order_by("pk")[:3]
    layout, rows = layout_and_rows(query)
    made = _generated_hydrator(layout)(rows)
    assert_same(made, _general_hydrator(layout)(rows))
    assert made[0].loud == "THE LEFT HAND OF DARKNESS!"


@isolate_apps("tests.shop")
def test_an_annotation_over_a_property_without_a_setter_raises_as_in_django() -> None:
    class Quiet(Book):
        @property
        def loud(self) -> str:
            return ""

        class Meta:
            proxy = True
            app_label = "shop"

    query = q(Quiet).annotate(loud=F("title"))
    layout, rows = layout_and_rows(query)
    for hydrate in (_generated_hydrator(layout), _general_hydrator(layout), lambda rows: list(query.queryset)):
        with pytest.raises(AttributeError):
            hydrate(rows)


# -- annotations that take the place of something ----------------------------------------------------------------------


class Hidden:
    """A descriptor that takes values, and that the class itself does not show."""

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            raise AttributeError("only instances have this")
        return vars(instance)["hidden_value"]

    def __set__(self, instance: Any, value: Any) -> None:
        vars(instance)["hidden_value"] = f"<{value}>"


class OnlyDeletes:
    """A descriptor that Python refuses to set."""

    def __delete__(self, instance: Any) -> None:
        raise AssertionError("this is not deleted")


class WithSlots:
    __slots__ = ("in_slot",)


@isolate_apps("tests.shop")
def _mannered_models() -> list[type[Model]]:
    """Models that differ in what they are derived from, with attributes of every kind."""

    class Mannered(Book):
        hidden = Hidden()
        only_deletes = OnlyDeletes()
        plain_value = 3

        class Meta:
            proxy = True
            app_label = "shop"

        @property
        def loud(self) -> Any:
            return vars(self).get("kept")

        @loud.setter
        def loud(self, value: Any) -> None:
            # What is there already, in Django's order.
            vars(self).update(kept=(value, getattr(self, "before", None), getattr(self, "after", None)))

        @property
        def quiet(self) -> str:
            return "quiet"

        @cached_property
        def later(self) -> str:
            return "computed"

        def method(self) -> str:
            return "method"

    class MannerlyTag(Tag):
        hidden = Hidden()
        only_deletes = OnlyDeletes()
        plain_value, loud, quiet, later, method = Mannered.plain_value, Mannered.loud, 1, Mannered.later, 2

        class Meta:
            proxy = True
            app_label = "shop"

    class WithSlot(WithSlots, Tag):
        class Meta:
            proxy = True
            app_label = "shop"

    return [Mannered, MannerlyTag, WithSlot]


ATTRIBUTES = [
    *["hidden", "only_deletes", "plain_value", "loud", "quiet", "later", "method", "in_slot", "pk", "mro", "objects"],
    *["_state", "__dict__", "__class__", "__doc__", "__weakref__", "__slots__", "__init__", "__module__", "__eq__"],
    *["_meta", "_prefetched_objects_cache", "save", "__debug__", "hidden_value", "kept"],
]


@pytest.mark.parametrize("value", [Value("v"), Value(7), Value({"a": 1}, output_field=models.JSONField())], ids=repr)
@pytest.mark.parametrize("name", ATTRIBUTES)
def test_an_annotation_is_set_as_setattr_sets_it(name: str, value: Any) -> None:
    """Between two others, since a setter sees those that are set before it."""
    for model in _mannered_models():
        for related in ((), ("author", "editor")) if issubclass(model, Book) else ((),):

            def build(start: Any, model: Any = model, related: Any = related) -> Any:
                rows = start(model._base_manager.filter(pk__lte=3).order_by("pk")).select_related(*related or (None,))
                return rows.annotate(before=Value("b"), **{name: value}, after=Value("a"))

            compare(build, (), ())


def test_a_column_of_extra_may_take_the_place_of_a_models_column() -> None:
    for name in ("title", "pk", "id", "author_id", "author", "detail", "publisher_id"):
        compare(
            lambda start, name=name: start(Book).extra(select={name: "1"}).filter(pk__lte=3).select_related("author")
        )


def test_an_annotation_replaces_a_filtered_relation_of_its_name_as_in_django() -> None:
    condition = Q(books__pages__gt=300)
    for values in ({"long": Lower("name")}, {"a": Value(1), "long": Lower("name"), "b": Value(2)}):
        compare(
            lambda start, values=values: (
                start(Author).annotate(long=FilteredRelation("books", condition=condition)).annotate(**values)
            )
        )
        compare(
            lambda start, values=values: (
                start(Author)
                .annotate(long=FilteredRelation("books", condition=condition))
                .annotate(**values)
                .select_related("long")
                .order_by("pk", "long__pk")
            )
        )


def test_a_setter_of_the_project_is_code_of_the_project() -> None:
    """The native engine makes such rows where the database may be used."""
    model = _mannered_models()[0]
    codes = {"loud": True, "hidden": True, "pk": True, "method": False, "other": False, "__doc__": False}
    found = {}
    for name in codes:
        layout, _ = layout_and_rows(q(model._base_manager.annotate(**{name: Value(1)})))
        found[name] = instance_code_check(layout)()
    assert found == codes


@isolate_apps("tests.shop")
def test_a_model_whose_metaclass_makes_its_instances_is_not_plain() -> None:
    made: dict[Any, Any] = {}

    class Shared(ModelBase):
        """One instance for each key, as identity maps have it."""

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            instance: Any = super().__call__(*args, **kwargs)
            return made.setdefault(instance.pk, instance)

    class SharedTag(Tag, metaclass=Shared):
        class Meta:
            proxy = True
            app_label = "shop"

    class Watching(Tag):
        def __getattribute__(self, name: str) -> Any:
            return super().__getattribute__(name)

        class Meta:
            proxy = True
            app_label = "shop"

    assert [is_plain_model(model) for model in (SharedTag, Watching)] == [False, False]
    one, other = run(q(SharedTag).order_by("pk").run()), run(q(SharedTag).order_by("pk").run())
    assert all(row is again for row, again in zip(one, other, strict=True))
    assert list(made.values()) == one


# -- names of models ---------------------------------------------------------------------------------------------------


def _model_of_names(names: list[str], related: type[Model] | None = None) -> type[Model]:
    """A model whose columns have such names; `type()` takes any, where a class statement takes identifiers."""
    fields: dict[str, Any] = {
        name: models.CharField(max_length=20, db_column=f"c{number}'{{x}}\n") for number, name in enumerate(names)
    }
    if related is not None:
        fields["to {x}'"] = models.ForeignKey(related, models.CASCADE, related_name="back {y}'", db_column="to it")
    meta = type("Meta", (), {"app_label": "shop", "db_table": f"of {len(names)} 'n{{a}}mes'"})
    return type(f"Names{len(names)}", (Model,), {**fields, "Meta": meta, "__module__": __name__})


def _columns() -> list[str]:
    """Names that the columns of a model can have: no attributes that Django or Python needs."""
    signs = [name for name in SIGNS if name and "\0" not in name and "\ud800" not in name and "%" not in name]
    return [*LOOK_ALIKES, *WORDS, *OURS, *signs, "__debug__", "x" * 100_000]


@pytest.mark.parametrize("count", [8, 20, len(_columns()) - 1])
@isolate_apps("tests.shop")
def test_names_of_columns_and_relations_are_no_code(count: int) -> None:
    """Few columns are set as attributes, many are put into a dict at once."""
    names = _columns()
    first = _model_of_names(names[:count])
    second = _model_of_names(names[-count - 1 :], first)
    with connections["default"].schema_editor() as editor:
        for model in (first, second):
            editor.create_model(model)
    try:
        one = first._base_manager.create(**{name: f"{number}" for number, name in enumerate(names[:count])})
        values = {name: f"<{number}>" for number, name in enumerate(names[-count - 1 :])}
        second._base_manager.create(**values, **{"to {x}'": one})
        for build in (
            lambda start: start(first),
            lambda start: start(second),
            lambda start: start(second).select_related("to {x}'"),
            lambda start: start(second).annotate(n=Value(1)).select_related("to {x}'"),
            lambda start: start(second).defer(*names[-3:]),
            lambda start: start(first).prefetch_related("back {y}'"),
            lambda start: start(second).order_by("pk").values_list(),
        ):
            compare(build)
    finally:
        with connections["default"].schema_editor() as editor:
            for model in (second, first):
                editor.delete_model(model)


def test_generated_code_takes_a_name_as_it_is() -> None:
    """As the key of a dict the very object, as an attribute the very text."""
    for name in NAMES:
        source = generate.FunctionSource()
        source.add(0, "def hydrate(rows):")
        source.add(1, f"return [{{{source.text(name)}: row}} for row in rows]")
        (made,) = source.function()([()])
        assert [(type(key), str.__str__(key)) for key in made] == [(type(name), str.__str__(name))]
        if type(name) is not str:
            with pytest.raises(TypeError, match="exact str"):
                source.attribute(name)
            continue
        thing = type("Thing", (), {"__slots__": ("__dict__",)})()
        source = generate.FunctionSource(names={"thing": thing})
        source.add(0, "def hydrate(rows):")
        source.add(1, f"thing.{source.attribute(name)} = rows")
        if name in {"__class__", "__dict__"}:
            with pytest.raises(TypeError):
                source.function()([])
        else:
            source.function()([(1,)])
            assert vars(thing) == {name: [(1,)]}


# -- signals -----------------------------------------------------------------------------------------------------------


@contextmanager
def received(signal: Any, sender: Any) -> Generator[list[Any]]:
    """The senders of the signals that arrive."""
    senders: list[Any] = []

    def receive(sender: Any, **kwargs: Any) -> None:
        senders.append(sender)

    with receiving(signal, receive, sender=sender):
        yield senders


@pytest.mark.parametrize("signal", [pre_init, post_init])
@pytest.mark.parametrize(
    ("sender", "expected"), [(Book, {Book}), (Author, {Author}), (None, {Book, Author}), (Review, set())]
)
def test_receivers_that_are_connected_later_are_called(
    signal: Any, sender: Any, expected: set[Any], empty_plan_cache: None
) -> None:
    """P51"""

    async def ask() -> Any:
        return await q(Book).filter(author__isnull=False).select_related("author").run()

    count = len(run(ask()))
    with received(signal, sender) as senders:
        run(ask())
    assert set(senders) == expected
    assert len(senders) == count * len(expected)
    senders.clear()
    run(ask())
    assert not senders


def test_a_receiver_sees_the_instance_filled(empty_plan_cache: None) -> None:
    """P51"""
    titles: list[str] = []

    def receive(instance: Any, **kwargs: Any) -> None:
        titles.append(instance.title)

    async def ask() -> Any:
        return [book.title for book in await q(Book).order_by("pk").run()]

    run(ask())
    with receiving(post_init, receive, sender=Book):
        assert run(ask()) == titles


# -- what is not loaded ------------------------------------------------------------------------------------------------


async def _first(query: AnyQuery) -> Any:
    return (await query.run())[0]


def _read(ask: Callable[[], AnyQuery], name: str, errors: Any) -> Any:
    """Read an attribute on the loop; the error that comes of it."""

    async def read() -> Any:
        book = await _first(ask())
        with pytest.raises(errors) as raised:
            getattr(book, name)
        return raised.value

    return run(read())


@pytest.mark.parametrize(
    ("ask", "name", "fix"),
    [
        (lambda: q(Book).order_by("pk"), "author", 'Add .select_related("author") to the query'),
        (lambda: q(Book).order_by("pk").filter(detail__isnull=False), "detail", 'Add .select_related("detail")'),
        (lambda: q(Book).order_by("pk").defer("title"), "title", 'Remove "title" from defer(), or add it to only()'),
        (lambda: q(Book).order_by("pk").only("title"), "pages", 'Remove "pages" from defer()'),
        (lambda: q(Visit), "customer", 'Add .select_related("customer")'),
    ],
)
def test_what_is_not_loaded_says_what_to_add_on_the_loop(ask: Any, name: str, fix: str) -> None:
    """P55"""
    if not HAS_FETCH_MODES and "defer" in fix:
        pytest.skip("Django has fetch modes from 6.1 on; before, adj knows of relations only")
    error = _read(ask, name, NotLoaded)
    assert error.field == name
    assert fix in str(error)
    assert isinstance(error, SynchronousOnlyOperation)


@pytest.mark.parametrize("name", ["gadget_ptr", "item_ptr"])
def test_the_part_in_a_parents_table_is_made_of_the_row_itself_on_the_loop(name: str) -> None:
    async def read() -> Any:
        return getattr(await _first(q(Reader).order_by("pk")), name)

    assert run(read()) == getattr(Reader.objects.order_by("pk")[0], name)


def test_a_part_in_a_parents_table_that_lacks_a_column_is_not_loaded() -> None:
    assert _read(lambda: q(Reader).defer("price"), "item_ptr", NotLoaded).field == "item_ptr"


def test_a_relation_without_a_row_and_one_that_is_set_need_no_query_on_the_loop() -> None:
    async def read() -> list[Any]:
        author = await _first(q(Author).filter(mentor=None).order_by("pk"))
        other = await _first(q(Author).filter(mentor__isnull=False).order_by("pk"))
        book = await _first(q(Book).select_related("author").order_by("pk"))
        other.mentor = author
        copied = pickle.loads(pickle.dumps(book))  # noqa: S301  # its own
        assert type(copied._state) is ModelState
        return [author.mentor, other.mentor.pk == author.pk, book.author.pk == book.author_id, copied.author.pk]

    found = run(read())
    assert found[:3] == [None, True, True]
    assert found[3]


@pytest.mark.parametrize("name", ["author", "title"])
def test_what_is_not_loaded_is_a_synchronous_only_operation_on_every_django(name: str) -> None:
    """P55"""
    _read(lambda: q(Book).order_by("pk").defer("title"), name, SynchronousOnlyOperation)


def test_what_is_not_loaded_is_fetched_in_synchronous_code() -> None:
    """P55"""
    book = run(_first(q(Book).order_by("pk").defer("title")))
    assert book.author.name == "Ursula K. Le Guin"
    assert book.title == "The Left Hand of Darkness"
    assert [tag.name for tag in book.tags.all()] == [tag.name for tag in Book.objects.get(pk=book.pk).tags.all()]


def test_what_is_not_loaded_is_fetched_in_a_thread_while_a_loop_runs_elsewhere() -> None:
    """P55"""

    async def ask() -> str:
        book = await _first(q(Book).order_by("pk"))

        def read() -> str:
            try:
                return str(book.author.name)
            finally:
                connections.close_all()

        return await asyncio.to_thread(read)

    assert run(ask()) == "Ursula K. Le Guin"


@pytest.mark.skipif(not HAS_FETCH_MODES, reason="Django has fetch modes from 6.1 on")
def test_a_fetch_mode_of_the_query_is_that_of_its_rows() -> None:
    peers, blocked = getattr(models, "FETCH_PEERS", None), getattr(models, "RAISE", None)

    async def ask(mode: Any) -> list[Any]:
        return await q(Book).order_by("pk").fetch_mode(mode).select_related("publisher").run()

    books = run(ask(peers))
    assert {type(book._state.fetch_mode).__name__ for book in books} == {"FetchPeers"}
    assert len(books[0]._state.peers) == len(books)
    assert books[0].author.name
    assert "author" in books[1]._state.fields_cache
    if blocked is not None:
        assert {book._state.fetch_mode for book in run(ask(blocked))} == {blocked}


# -- copies ------------------------------------------------------------------------------------------------------------

COPIED = [
    "every Book",
    "nested",
    "reverse one-to-one",
    "defer of a relation",
    "inheritance",
    "composite key",
    "annotations",
    "not plain",
]


@pytest.mark.parametrize("name", COPIED)
@pytest.mark.parametrize(
    "copied",
    [
        *[
            lambda rows, protocol=protocol: pickle.loads(pickle.dumps(rows, protocol))  # noqa: S301  # our own bytes
            for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
        ],
        copy.deepcopy,
        lambda rows: [copy.copy(row) for row in rows],
    ],
)
def test_copies_and_pickles_of_rows_equal_those_of_djangos_rows(name: str, copied: Callable[[Any], Any]) -> None:
    """P55"""
    ask = INSTANCES[name]
    ours, djangos = run(ask().run())[:5], list(ask().queryset)[:5]
    assert_same(copied(ours), copied(djangos))


def test_a_pickled_row_fetches_what_it_lacks_in_synchronous_code() -> None:
    book = pickle.loads(pickle.dumps(run(_first(q(Book).order_by("pk")))))  # noqa: S301  # our own bytes
    assert book.author.name == "Ursula K. Le Guin"


def test_rows_compare_and_hash_as_djangos() -> None:
    ours, djangos = run(q(Book).order_by("pk").run()), list(Book.objects.order_by("pk"))
    assert ours == djangos
    assert set(ours) == set(djangos)
    assert all(isinstance(row, Model) for row in ours)


def test_a_row_can_be_saved_and_refreshed_in_synchronous_code() -> None:
    book = run(_first(q(Book).order_by("pk").defer("subtitle")))
    before = book.pages
    try:
        book.pages = before + 1
        book.save()
        assert Book.objects.get(pk=book.pk).pages == before + 1
        book.refresh_from_db()
        assert book.get_deferred_fields() == {"subtitle"}
        assert book.subtitle is None
        assert book.get_deferred_fields() == set()
    finally:
        Book.objects.filter(pk=book.pk).update(pages=before)


def test_instances_of_one_row_know_each_other() -> None:
    async def ask() -> list[Any]:
        return await q(Book).select_related("detail").filter(detail__isnull=False).run()

    for book in run(ask()):
        assert book.detail.book is book


def test_a_layout_of_instances_without_djangos_description_is_refused() -> None:
    layout = Layout(RowShape.INSTANCE, (), (), "default", dialect().wrapper)
    with pytest.raises(TypeError, match="klass_info"):
        instance_hydrator(layout)
