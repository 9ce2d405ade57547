"""A manager of adj's changes nothing that Django decides by managers, and carries a project's methods."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin import ModelAdmin, site
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.graph import MigrationGraph
from django.db.migrations.state import ModelState, ProjectState
from django.db.models import Manager, Model, QuerySet
from django.db.models.manager import BaseManager
from django.test.utils import isolate_apps

from adj import AsyncQuery, q
from adj.models.mixin import AsyncManager, AsyncModel
from tests.diary.models import Draft, Entry, EntryQuery, EntryQuerySet, Essay, Findable, LongManager, Writer
from tests.shop.models import Review

# -- what Django decides -----------------------------------------------------------------------------------------------


def test_a_model_with_nothing_but_a_manager_of_adjs_gets_objects() -> None:
    assert type(Writer.objects) is Manager
    assert Writer._default_manager is Writer.objects
    assert type(Writer._base_manager) is Manager
    assert [manager.name for manager in Writer._meta.managers] == ["objects"]


@isolate_apps("tests.diary")
def test_the_order_of_declaration_does_not_matter_to_the_default_manager() -> None:
    class Before(Model):
        aobjects = AsyncManager()
        visible: Any = Manager()

        class Meta:
            app_label = "diary"

    class After(Model):
        visible: Any = Manager()
        aobjects = AsyncManager()

        class Meta:
            app_label = "diary"

    class Child(After):
        amore = AsyncManager()

        class Meta:
            app_label = "diary"

    for model in (Before, After, Child):
        assert model._default_manager is model.visible
        assert not hasattr(model, "objects")


def test_the_admin_starts_from_djangos_manager() -> None:
    queryset = ModelAdmin(Entry, site).get_queryset(None)  # type: ignore[arg-type]  # the request is not used
    assert type(queryset) is QuerySet


def test_related_managers_are_made_of_djangos_default_manager() -> None:
    writer: Any = Writer(pk=1)
    assert isinstance(writer.entries, Manager)
    assert isinstance(writer.entries.all(), QuerySet)


def test_mixin_and_managers_leave_no_trace_in_migrations() -> None:
    assert ModelState.from_model(Writer).managers == []
    assert ModelState.from_model(Writer).bases == (Model,)
    assert not AsyncManager().use_in_migrations

    @isolate_apps("tests.diary")
    def plain() -> ModelState:
        class Writer(Model):
            name: Any = apps.get_model("diary", "Writer")._meta.get_field("name").clone()

            class Meta:
                app_label = "diary"

        return ModelState.from_model(Writer)

    before, after = ProjectState(), ProjectState()
    before.add_model(plain())
    after.add_model(ModelState.from_model(Writer))
    assert MigrationAutodetector(before, after).changes(MigrationGraph()) == {}


# -- as a manager ------------------------------------------------------------------------------------------------------


def test_it_is_a_manager_and_a_query_of_all_rows() -> None:
    assert isinstance(Entry.aobjects, BaseManager)
    assert isinstance(Entry.aobjects, AsyncQuery)
    assert Entry.aobjects.all() == q(Entry)
    assert Entry.aobjects.filter(words=1).order_by("pk") == q(Entry).filter(words=1).order_by("pk")
    assert q(Entry.aobjects) == q(Entry)
    assert repr(Entry.aobjects) == "<AsyncManager: diary.Entry.aobjects>"


@pytest.mark.parametrize("model", [Writer, Entry, Essay, Draft])
def test_each_class_that_inherits_it_has_its_own(model: Any) -> None:
    assert model.aobjects is model.aobjects
    assert model.aobjects.model is model
    assert model.aobjects.all().model is model
    assert type(model.aobjects.all()) is AsyncQuery


def test_it_is_not_for_instances_and_abstract_models() -> None:
    with pytest.raises(AttributeError, match="Manager isn't accessible via Entry instances"):
        Entry().aobjects  # type: ignore[call-overload]  # a checker knows  # noqa: B018
    with pytest.raises(AttributeError, match="Manager isn't available; Findable is abstract"):
        Findable.aobjects  # noqa: B018


@isolate_apps("tests.diary")
def test_it_is_not_for_swapped_models() -> None:
    class Swapped(AsyncModel):
        aobjects = AsyncManager()

        class Meta:
            app_label = "diary"
            swappable = "ROOT_URLCONF"

    Swapped._meta.swapped = "diary.Other"
    with pytest.raises(AttributeError, match=r"Manager isn't available; 'diary\.Swapped' has been swapped"):
        Swapped.aobjects  # noqa: B018


def test_steps_give_queries_and_no_managers() -> None:
    manager = Entry.aobjects
    steps = [manager.all(), manager.using("default"), manager.timeout(1), manager[:2], manager | q(Entry)]
    assert {type(step) for step in steps} == {AsyncQuery}


def test_a_managers_own_rows_are_where_a_query_starts() -> None:
    assert isinstance(Entry.long_ones, LongManager)
    queryset = Entry.objects.filter(words__gte=100).filter(title="Rain")
    assert Entry.long_ones.filter(title="Rain").sql() == q(queryset).sql()
    assert str(Entry.long_ones.filter(title="Rain").queryset.query) == str(queryset.query)


def test_rows_that_the_default_manager_hides_are_there() -> None:
    manager: AsyncManager[Review] = AsyncManager()
    manager.model = Review
    assert "is_hidden" in q(Review).sql().sql.partition("WHERE")[2]
    assert "WHERE" not in manager.sql().sql


def test_a_database_may_be_named() -> None:
    assert Entry.aobjects.db_manager("postgres").db == "postgres"
    assert Entry.aobjects.db_manager("postgres").filter(words=1).db == "postgres"
    assert Entry.aobjects.db == "default"


def test_managers_are_equal_as_djangos_are_and_can_be_copied() -> None:
    assert Entry.aobjects == Writer.aobjects
    assert Entry.aobjects != Entry.long_ones
    assert copy.copy(Entry.aobjects) is not Entry.aobjects
    assert copy.copy(Entry.aobjects) == Entry.aobjects
    assert len({Entry.aobjects, Entry.aobjects}) == 1


def test_it_is_pickled_as_a_query_of_its_rows() -> None:
    again = pickle.loads(pickle.dumps(Entry.aobjects))  # noqa: S301  # our own
    assert type(again) is AsyncQuery
    assert again == q(Entry)


# -- a project's methods -----------------------------------------------------------------------------------------------


def test_methods_of_a_queryset_class_go_on_in_chains() -> None:
    chain = Entry.own.filter(title="Rain").long(5, or_empty=True).exclude(mood="grim").long()
    assert isinstance(chain, AsyncQuery)
    assert type(chain) is type(Entry.own.all())
    assert type(Entry.own.get_queryset()) is EntryQuerySet
    queryset = EntryQuerySet(Entry).filter(title="Rain").long(5, or_empty=True).exclude(mood="grim").long()
    assert str(chain.queryset.query) == str(queryset.query)


def test_methods_keep_their_signatures_and_their_names() -> None:
    queries: list[Any] = [Entry.own, Entry.own.all(), Entry.queries, EntryQuery.of(q(Entry))]
    for query in queries:
        assert str(inspect.signature(query.long)) == "(words: 'int' = 100, *, or_empty: 'bool' = False) -> 'Self'"
        assert query.long.__name__ == "long"
    assert str(inspect.signature(Entry.queries.total_words)) == "(*, default: 'int' = 0) -> 'int'"
    assert inspect.iscoroutinefunction(Entry.queries.total_words)
    assert inspect.iscoroutinefunction(Entry.own.atotal_words)


def test_only_public_methods_of_the_project_are_carried() -> None:
    assert not hasattr(Entry.own, "_private")
    assert not hasattr(Entry.own, "count")


def test_every_query_method_and_pickle_preserve_the_query_class() -> None:
    query = EntryQuery.of(q(Entry)).filter(words=1).using("default").timeout(3)[:5]
    assert type(query) is EntryQuery
    assert type(Entry.queries.exclude(words=1)) is EntryQuery
    assert isinstance(Entry.queries, EntryQuery)
    again = pickle.loads(pickle.dumps(EntryQuery.of(q(Entry)).filter(words=1)))  # noqa: S301  # our own
    assert type(again) is EntryQuery


def test_query_methods_preserve_database_and_time_limit() -> None:
    query = EntryQuery.of(q(Entry)).using("postgres").timeout(3).long()
    assert query.db == "postgres"
    assert query.statement.seconds == 3
