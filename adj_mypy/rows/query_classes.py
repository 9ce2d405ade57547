"""A project's query classes: `class BookQuery(AsyncQuery[Book, Book])`.

Methods of such a class return the class itself, which has no type argument for its rows. So the plugin adds a subclass
`BookQuery@adj[Model, Row]`, which inherits from `AsyncQuery[Model, Row]` first and from `BookQuery` second.
"""

from __future__ import annotations

from mypy.types import Instance, Type, get_proper_type

from adj_mypy.boundary.fullnames import QUERY
from adj_mypy.boundary.types import map_to_base
from adj_mypy.calls.call import TYPE_ARGUMENTS, Call


def of(call: Call) -> Type:
    """`BookQuery.of(query)`: the same rows."""
    result = get_proper_type(call.result)
    arguments = call.arguments("query")
    source = get_proper_type(arguments[0].type) if arguments else None
    base = map_to_base(source, QUERY) if isinstance(source, Instance) else None
    if not isinstance(result, Instance) or base is None or len(base.args) != TYPE_ARGUMENTS:
        return call.result
    subclass = call.query_subclass(result)
    return call.result if subclass is None else Instance(subclass, [*result.args, *base.args])


def unchanged(call: Call) -> Type:
    """Methods that do not change the type of rows."""
    return call.result
