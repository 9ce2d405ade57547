"""A project's own classes of queries: `class BookQuery(AsyncQuery[Book, Book])`.

Its builders give the class itself, which has no place for what rows carry. So each such class gets a subclass for the
checker, `BookQuery@adj[Model, Row]`, which has the methods of the class, and is an `AsyncQuery[Model, Row]` before it
is the `AsyncQuery[Book, Book]` that the class is.
"""

from __future__ import annotations

from typing import cast

from mypy.nodes import GDEF, SymbolTableNode
from mypy.plugin import ClassDefContext
from mypy.semanal import SemanticAnalyzer
from mypy.types import Instance, Type, TypeVarId, TypeVarLikeType, TypeVarType, get_proper_type

from adj_mypy import compat
from adj_mypy.call import MADE_ARGUMENTS, QUERY, Call
from adj_mypy.project import ANNOTATED


def add_subclass(context: ClassDefContext) -> None:
    """Give a class of queries its subclass."""
    api, info = cast("SemanticAnalyzer", context.api), context.cls.info
    module = api.modules[info.module_name]
    query = next((base for base in info.mro if base.fullname == QUERY), None)
    name = info.name + ANNOTATED
    if query is None or name in module.names or "." in info.fullname.removeprefix(f"{module.fullname}."):
        # A class inside of another one has no place of its own among a module's names.
        return
    own: list[TypeVarLikeType] = list(info.defn.type_vars)
    if not all(isinstance(variable, TypeVarType) for variable in own):
        return
    namespace = f"{module.fullname}.{name}"
    variables = [cast("TypeVarType", variable) for variable in [*own, *query.defn.type_vars]]
    renamed = [_renamed(variable, number, namespace) for number, variable in enumerate(variables, start=1)]
    arguments: list[Type] = list(renamed[: len(own)])
    made = compat.new_class(module, name, [Instance(info, arguments)], renamed)
    made.bases = [Instance(query, list(renamed[len(own) :])), *made.bases]
    module.names[name] = SymbolTableNode(GDEF, made, plugin_generated=True)


def _renamed(variable: TypeVarType, number: int, namespace: str) -> TypeVarType:
    identity = TypeVarId(number, namespace=namespace)
    return variable.copy_modified(id=identity, default=compat.any_type())


def of(call: Call) -> Type:
    """`BookQuery.of(query)`: the same question, and so the same rows."""
    result = get_proper_type(call.result)
    given = call.arguments("query")
    source = get_proper_type(given[0].type) if given else None
    base = compat.map_to_base(source, QUERY) if isinstance(source, Instance) else None
    if not isinstance(result, Instance) or base is None or len(base.args) != MADE_ARGUMENTS:
        return call.result
    made = call.made_class(result)
    return call.result if made is None else Instance(made, [*result.args, *base.args])


def unchanged(call: Call) -> Type:
    """A clause that changes nothing of the rows."""
    return call.result
