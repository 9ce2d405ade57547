"""Django's Query and compiler, as they take slots and write markers.

Private Django API used here: `Query.resolve_lookup_value`, `Query.chain`, `Query.check_related_objects`,
`Query.build_lookup`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

from django.db.models.lookups import In, IsNull, Lookup
from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.query import Query

from adj.compiler.row_keys import Keys, SlottedKeys
from adj.compiler.slots import Slot, Slotted, SlottedLookup, mark
from adj.compiler.structure import SEQUENCE_TYPES


def _is_made_plainly(lookup_class: Any) -> bool:
    """Whether a lookup is of the class that was asked for, whatever its value."""
    plain: Any = Lookup
    return lookup_class.__new__ is plain.__new__


class SlottedQuery(Query):
    """Django's Query, taking operands wrapped in a `Slot` and marking the lookups that are made of them."""

    # Django's signatures are untyped; the values pass through unchanged.
    def resolve_lookup_value(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        """A slot has nothing to resolve."""
        return value if type(value) is Slot else super().resolve_lookup_value(value, *args, **kwargs)

    def chain(self, klass: Any = None) -> Any:
        """A copy, which takes slots as well if it is to be of another class, as that of an UPDATE."""
        return super().chain(None if klass is None else slotted_query_class(klass))

    def check_related_objects(self, field: Any, value: Any, opts: Any) -> None:
        """Let Django check the operand itself."""
        super().check_related_objects(field, value.value if type(value) is Slot else value, opts)

    def build_lookup(self, lookups: Any, lhs: Any, rhs: Any) -> Any:
        """Let Django make the lookup from the operand, and mark it."""
        if type(rhs) is not Slot:
            return super().build_lookup(lookups, lhs, rhs)
        lookup: Any = super().build_lookup(lookups, lhs, rhs.value)
        if isinstance(lookup, IsNull) and "isnull" not in lookups:
            rhs.recording.objection = "a value that its field stores as NULL"
            return lookup
        if isinstance(lookup, In) and not isinstance(rhs.value, SEQUENCE_TYPES):
            rhs.recording.objection = "members that are in no list, of which None is structure"
        elif not _is_made_plainly(type(lookup)):
            rhs.recording.objection = f"{type(lookup).__name__} may be another class for another value"
        elif isinstance(lookup, Lookup) and lookup.rhs_is_direct_value() and "rhs" in lookup.__dict__:
            marked: Any = lookup
            mark(marked, SlottedKeys if isinstance(rhs.value, Keys) else SlottedLookup, "rhs", rhs)
            marked.cell.origin = marked.origin()
        else:
            rhs.recording.objection = f"{type(lookup).__name__} keeps its value elsewhere"
        return lookup


@lru_cache(maxsize=1_024)
def slotted_query_class(query_class: type[Query]) -> type[Query]:
    """`SlottedQuery` for a project's own subclass of Query."""
    if query_class is Query:
        return SlottedQuery
    return cast("type[Query]", type(f"Slotted{query_class.__name__}", (SlottedQuery, query_class), {}))


class MarkingCompiler(SQLCompiler):
    """Mixed into a backend's compiler: marked nodes render as markers."""

    def compile(self, node: Any) -> Any:
        """Compile a node; a marked one in its own way."""
        if isinstance(node, Slotted):
            compile_node: Any = super().compile
            return node.rendered(self, compile_node)
        return super().compile(node)


def bare_compiler(compiler: SQLCompiler) -> SQLCompiler:
    """A compiler that quotes as another one did, but holds nothing of its query."""
    bare = type(compiler)(Query(compiler.query.model), compiler.connection, compiler.using)
    bare.quote_cache = dict(compiler.quote_cache)
    return bare
