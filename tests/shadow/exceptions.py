"""The tests of Django's in which the two cannot do the same, or in which the harness shows; each with its reason."""

from __future__ import annotations

from typing import Final

_COUNTED = "counts, by a mock, the calls of something that adj and the harness call as well"
_COPIED = "Django's own fault: compiling a copy of such a union writes into the QuerySet that it was copied from"
_REFUSED = "adj refuses an unknown name in select_related() when it is written; Django never looks at it in these tests"
_NESTED = "Django's own fault: each compilation of such a lookup of a QuerySet puts one more REPLACE() around its value"
_ADMIN = "admin_changelist.tests.ChangeListTests"
_EMPTY_ORDER = "get_earliest_or_latest.tests.TestFirstLast.test_first_last_empty_order_by"
_UUID = "model_fields.test_uuid.TestQuerying"
_UNIONS = "queries.test_qs_combinators.QuerySetSetOperationTests.test_union"

EXCEPTIONS: Final = {
    f"{_ADMIN}.test_distinct_for_non_unique_related_object_in_list_filter": _REFUSED,
    f"{_ADMIN}.test_distinct_for_non_unique_related_object_in_search_fields": _REFUSED,
    f"{_ADMIN}.test_many_search_terms": _REFUSED,
    f"{_ADMIN}.test_related_field_multiple_search_terms": _REFUSED,
    f"{_ADMIN}.test_select_related_preserved_when_multi_valued_in_search_fields": _REFUSED,
    "annotations.tests.NonAggregateAnnotationTestCase.test_custom_transform_annotation": (
        "the transform is unregistered again before the query runs, and adj's query is built again when it runs"
    ),
    "basic.tests.ModelFromDbTests.test_new_signature_receives_fetch_mode": (
        "adj's rows have its own fetch mode, which raises NotLoaded on an event loop"
    ),
    "custom_lookups.tests.LookupTransformCallOrderTests.test_call_order": _COUNTED,
    f"{_EMPTY_ORDER}_clears_default_ordering": _COUNTED,
    f"{_EMPTY_ORDER}_has_no_pk_ordering": _COUNTED,
    **{
        f"{_UUID}.test_{name}": _NESTED
        for name in (
            *("contains", "endswith", "filter_with_expr", "icontains"),
            *("iendswith", "iexact", "istartswith", "startswith"),
        )
    },
    "multiple_database.tests.QueryTestCase.test_refresh_router_instance_hint": _COUNTED,
    "prefetch_related.tests.CustomPrefetchTests.test_filter_deferred": _COUNTED,
    "prefetch_related.tests.PrefetchRelatedTests.test_attribute_error": (
        "an unknown relation is refused when it is written, by a class of what Django raises when the query runs"
    ),
    "queries.test_iterator.QuerySetIteratorTests.test_default_iterator_chunk_size": _COUNTED,
    "queries.test_iterator.QuerySetIteratorTests.test_iterator_chunk_size": _COUNTED,
    f"{_UNIONS}_multiple_models_with_values_list_and_order": _COPIED,
    f"{_UNIONS}_multiple_models_with_values_list_and_order_by_extra_select": _COPIED,
    f"{_UNIONS}_with_values_list_and_order": _COPIED,
    f"{_UNIONS}_with_values_list_and_order_on_annotation": _COPIED,
    "select_related.tests.SelectRelatedTests.test_select_related_memory_leak": (
        "looks at all garbage: Django breaks the cycles of a compiler where it reads rows, and adj only compiles"
    ),
}
"""Tests by their names."""

MOST_EXCEPTIONS: Final = 30
