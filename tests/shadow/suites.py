"""Which of Django's suites are run, and which of them where time is short."""

from __future__ import annotations

from typing import Final

_SUITES: Final = """
admin_changelist admin_filters admin_utils aggregation aggregation_regress annotations auth_tests basic bulk_create
composite_pk constraints contenttypes_tests custom_columns custom_lookups custom_managers custom_pk dates datetimes
db_functions defer defer_regress delete delete_regress distinct_on_fields expressions expressions_case
expressions_window extra_regress filtered_relation fixtures force_insert_update foreign_object from_db_value
generic_inline_admin generic_relations generic_relations_regress generic_views get_earliest_or_latest
get_object_or_404 get_or_create inline_formsets introspection known_related_objects lookup m2m_and_m2o
m2m_intermediary m2m_multiple m2m_recursive m2m_regress m2m_signals m2m_through m2m_through_regress m2o_recursive
managers_regress many_to_many many_to_one many_to_one_null model_fields model_forms model_formsets
model_formsets_regress model_inheritance model_inheritance_regress model_regress multiple_database nested_foreign_keys
null_fk null_fk_ordering null_queries one_to_one or_lookups order_with_respect_to ordering pagination prefetch_related
properties proxy_model_inheritance proxy_models queries queryset_pickle raw_query reserved_names reverse_lookup
save_delete_hooks select_related select_related_onetoone select_related_regress signals sites_tests
string_lookup syndication_tests timezones transactions unmanaged_models update update_only_fields
validation xor_lookups
"""

_SUBSET: Final = """
aggregation annotations composite_pk custom_lookups custom_managers dates distinct_on_fields expressions
expressions_case filtered_relation known_related_objects lookup m2m_through_regress many_to_many null_queries
or_lookups ordering prefetch_related queries select_related update xor_lookups
"""

SUITES: Final = _SUITES.split()
SUBSET: Final = _SUBSET.split()
POSTGRESQL_SUITES: Final = ["postgres_tests"]
