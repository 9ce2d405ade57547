"""Functions that change what rows have loaded: `load()`, `refresh()`, the model's methods; and `related()`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mypy.nodes import Context, Expression, ListExpr, MemberExpr, SetExpr, StrExpr, TupleExpr
from mypy.plugin import FunctionSigContext
from mypy.types import FunctionLike, Instance, Type, get_proper_type

from adj_mypy.boundary.codes import LOOKUP
from adj_mypy.boundary.syntax import called_on
from adj_mypy.boundary.types import any_type
from adj_mypy.calls.call import Call
from adj_mypy.calls.prefetching import lookups
from adj_mypy.models.project import SEPARATOR, ModelClass, relations, target_of
from adj_mypy.row_state.managers import trees
from adj_mypy.row_state.row_types import Change, row_type, state_of, with_rows
from adj_mypy.row_state.state import State
from adj_mypy.row_state.trees import Lookup, Trees, with_way_back


def load(call: Call) -> Type:
    """`load(rows, ...)`: the variable and the result have rows with more loaded."""
    instances = call.arguments("instances")
    if len(instances) != 1:
        return call.result
    return call.awaitable(_loaded(call, instances[0].expression, instances[0].type))


def load_signature(context: FunctionSigContext) -> FunctionLike:
    """Return the signature of `load()` with `Any` as its result.

    Otherwise mypy would infer from the expected result that the argument must have the relations loaded already.
    """
    signature = context.default_signature
    result = get_proper_type(signature.ret_type)
    if not isinstance(result, Instance) or not result.args:
        return signature
    return signature.copy_modified(ret_type=result.copy_modified(args=[*result.args[:-1], any_type()]))


def load_own(call: Call) -> Type:
    """`row.aload(...)`."""
    row = called_on(call.context.context)
    return call.result if row is None else call.awaitable(_loaded(call, row, call.context.type))  # type: ignore[union-attr]  # a method's context has it


def _loaded(call: Call, expression: Expression, typ: Type) -> Type:
    named = lookups(call, "names")
    if named is None:
        new = with_rows(call.project, call.api, typ, _unknowing)
    else:
        builder = trees(call.project, call.api)
        for lookup, at in named:
            typ = with_rows(call.project, call.api, typ, _adding(call, builder, lookup, at))
        new = typ
    call.api.narrow(expression, new)
    return new


def _adding(call: Call, builder: Trees, lookup: Lookup, at: Context) -> Change:
    def change(model: ModelClass, state: State) -> State:
        return _with_name(call, builder, model, state, lookup, at)

    return change


def _with_name(call: Call, builder: Trees, model: ModelClass, state: State, lookup: Lookup, at: Context) -> State:
    """Return the state with a relation, path or column of `load()`."""
    head, _, rest = lookup.path.partition(SEPARATOR)
    relation = relations(model).get(head)
    if relation is None:
        columns = {name for field in model._meta.concrete_fields for name in (field.name, field.attname)}
        if head in columns and not rest:
            return _with_column(model, state, head)
        return builder.with_prefetch(model, state, lookup, lambda message: call.fail(message, at, LOOKUP))
    state = _with_column(model, state, head)
    target, row = target_of(relation), state.loaded.get(head)
    nested = state_of(call.project, row)
    if target is None or not rest or (row is not None and nested is None):
        return builder.with_prefetch(model, state, lookup, lambda message: call.fail(message, at, LOOKUP))
    inner = Lookup(rest, lookup.row, lookup.to_attr)
    new = _with_name(call, builder, target, nested or builder.start(relation, target), inner, at)
    return state.with_loaded(head, row_type(call.project, call.api, target, new))


def _with_column(model: ModelClass, state: State, name: str) -> State:
    return state.gaining({name, *_both(model, name)})


def _both(model: ModelClass, name: str) -> frozenset[str]:
    """Return both names of a column."""
    fields = (field for field in model._meta.concrete_fields if name in {field.name, field.attname})
    return frozenset(known for field in fields for known in (field.name, field.attname))


def refresh(call: Call) -> Type:
    """`refresh(row)`: relations are forgotten; `fields` are loaded, even if they were deferred."""
    instances = call.arguments("instance")
    if len(instances) == 1:
        _refresh(call, instances[0].expression, instances[0].type)
    return call.result


def refresh_own(call: Call) -> Type:
    """`row.arefresh_from_db()`."""
    row = called_on(call.context.context)
    if row is not None:
        _refresh(call, row, call.context.type)  # type: ignore[union-attr]  # a method's context has it
    return call.result


def _refresh(call: Call, row: Expression, typ: Type) -> None:
    fields = call.arguments("fields")
    names = _literals(fields[0].expression) if fields else []
    if call.arguments("from_queryset") or names is None:
        call.api.narrow(row, with_rows(call.project, call.api, typ, _unknowing))
        return
    call.api.narrow(row, with_rows(call.project, call.api, typ, _refreshing(names) if names else _forgetting))


def _forgetting(model: ModelClass, state: State) -> State:
    return state.losing(state.loaded)


def _unknowing(model: ModelClass, state: State) -> State:
    return state.unknown()


def _refreshing(names: Iterable[str]) -> Change:
    def change(model: ModelClass, state: State) -> State:
        both = frozenset(known for name in names for known in (name, *_both(model, name)))
        return state.gaining(both - state.loaded.keys()).losing(both)

    return change


def _literals(expression: Expression) -> list[str] | None:
    """Return the strings in a list, tuple or set literal; None if one is known only at run time."""
    if not isinstance(expression, (ListExpr, TupleExpr, SetExpr)):
        return None
    texts = [item.value for item in expression.items if isinstance(item, StrExpr)]
    return texts if len(texts) == len(expression.items) else None


def untracked(handler: Callable[[Call], Type], call: Call) -> Type:
    """Return the result of a method whose rows keep the objects that they were created with: unknown state."""
    return with_rows(call.project, call.api, handler(call), None)


def related(call: Call) -> Type:
    """`related(author, "books")` or `related(author.books)`: rows with the reverse relation loaded."""
    source, result = call.arguments("source"), get_proper_type(call.result)
    if len(source) != 1 or not isinstance(result, Instance):
        return call.result
    expression, typ, name = source[0].expression, source[0].type, None
    texts = call.texts("name")
    if texts:
        name = texts[0][0]
    elif isinstance(expression, MemberExpr):
        owner = call.api.type_of(expression.expr)
        name, typ = expression.name, owner if owner is not None else typ
    model = call.project.model_of(typ)
    if model is None or name is None:
        return call.result
    relation = relations(model).get(name)
    target = None if relation is None else target_of(relation)
    if target is None:
        return call.result
    row = row_type(call.project, call.api, target, trees(call.project, call.api).start(relation, target))
    return result.copy_modified(args=[with_way_back(call.project, call.api, relation, row, typ)])
