"""Create classes and attributes that no source defines; mypy caches them with the module that they are added to.

Private API of mypy used here: `mypy.mro`, `mypy.semanal` (`SemanticAnalyzer.modules`), `mypy.subtypes`
(`is_same_type`), `Var._fullname`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import cast

from mypy.mro import calculate_mro
from mypy.nodes import GDEF, MDEF, Block, ClassDef, MypyFile, SymbolTable, SymbolTableNode, TypeInfo, Var
from mypy.plugin import ClassDefContext
from mypy.semanal import SemanticAnalyzer
from mypy.subtypes import is_same_type
from mypy.types import Instance, Type, TypeVarId, TypeVarLikeType, TypeVarType

from adj_mypy.boundary.api import Api
from adj_mypy.boundary.fullnames import ANNOTATED, QUERY
from adj_mypy.boundary.types import any_type


def new_class(
    module: MypyFile, name: str, bases: list[Instance], variables: Sequence[TypeVarLikeType] = ()
) -> TypeInfo:
    """Return a new class, which is not yet among the names of its module."""
    definition = ClassDef(name, Block([]))
    definition.fullname = f"{module.fullname}.{name}"
    definition.type_vars = list(variables)
    info = TypeInfo(SymbolTable(), definition, module.fullname)
    definition.info = info
    info.bases = bases
    info.add_type_vars()
    calculate_mro(info)
    info.metaclass_type = info.calculate_metaclass_type()
    return info


def _add_variable(info: TypeInfo, name: str, typ: Type) -> None:
    """Add an attribute to a class."""
    variable = Var(name, type=typ)
    variable.info = info
    variable._fullname = f"{info.fullname}.{name}"  # noqa: SLF001  # mypy's own way to set it
    info.names[name] = SymbolTableNode(MDEF, variable, plugin_generated=True)


def _has_variables(node: object, items: Mapping[str, Type]) -> bool:
    """Return whether a class has exactly these attributes, with these types and in this order."""
    if not isinstance(node, TypeInfo) or list(node.names) != list(items):
        return False
    variables = [symbol.node for symbol in node.names.values()]
    return all(
        isinstance(variable, Var) and variable.type is not None and is_same_type(variable.type, typ)
        for variable, typ in zip(variables, items.values(), strict=True)
    )


def mark_class_variables(info: TypeInfo, names: Iterable[str]) -> None:
    """Mark adj's managers as class variables, so that `Book.aobjects` can be read.

    django-stubs annotates managers with `Self`, and marks only Django's.
    """
    for name in names:
        symbol = info.names.get(name)
        if symbol is not None and isinstance(symbol.node, Var):
            symbol.node.is_classvar = True


def add_refused_names(context: ClassDefContext) -> None:
    """Give queries the names of Django's QuerySet that they do not have, so that the plugin's hook can report them."""
    from adj.queryset_names import SURFACE, Instead, Refused  # late: see `adj_mypy.hooks.handlers`

    for name, fate in SURFACE.items():
        if isinstance(fate, Instead | Refused) and not name.startswith("__"):
            _add_variable(context.cls.info, name, any_type())
            variable = cast("Var", context.cls.info.names[name].node)
            # Subclasses may define them.
            variable.allow_incompatible_override = True


def add_subclass(context: ClassDefContext) -> None:
    """Create the subclass for a project's query class that `adj_mypy.rows.query_classes` describes."""
    api, info = cast("SemanticAnalyzer", context.api), context.cls.info
    module = api.modules[info.module_name]
    query = next((base for base in info.mro if base.fullname == QUERY), None)
    name = info.name + ANNOTATED
    if query is None or name in module.names or "." in info.fullname.removeprefix(f"{module.fullname}."):
        # A nested class is not among the names of a module.
        return
    own: list[TypeVarLikeType] = list(info.defn.type_vars)
    if not all(isinstance(variable, TypeVarType) for variable in own):
        return
    namespace = f"{module.fullname}.{name}"
    variables = [cast("TypeVarType", variable) for variable in [*own, *query.defn.type_vars]]
    renamed = [_renamed(variable, number, namespace) for number, variable in enumerate(variables, start=1)]
    arguments: list[Type] = list(renamed[: len(own)])
    subclass = new_class(module, name, [Instance(info, arguments)], renamed)
    subclass.bases = [Instance(query, list(renamed[len(own) :])), *subclass.bases]
    module.names[name] = SymbolTableNode(GDEF, subclass, plugin_generated=True)


def _renamed(variable: TypeVarType, number: int, namespace: str) -> TypeVarType:
    identity = TypeVarId(number, namespace=namespace)
    return variable.copy_modified(id=identity, default=any_type())


def named_tuple(api: Api, name: str, items: Mapping[str, Type]) -> Instance:
    """Return an instance of a named tuple class with these fields, which is stored in the current module."""
    module = api.module()
    for number in count():
        unique = f"{name}{number or ''}"
        symbol = module.names.get(unique)
        if symbol is None:
            info = new_class(module, unique, [api.named("typing.NamedTuple")])
            for key, typ in items.items():
                _add_variable(info, key, typ)
            module.names[unique] = SymbolTableNode(GDEF, info, plugin_generated=True)
            return Instance(info, [])
        if symbol.plugin_generated and _has_variables(symbol.node, items):
            return Instance(cast("TypeInfo", symbol.node), [])
    raise AssertionError("there is always another number")
