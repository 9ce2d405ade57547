"""The mutants: a module of adj's with one thing taken out, for every such thing that the syntax tree shows.

Nothing is listed that can be found: a part that is added to a key, or a check, is a mutant by itself.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.Lambda
Change: TypeAlias = Callable[[], None]


@dataclass(frozen=True)
class Mutant:
    """One module with one change. `what` says what was taken out, `line` where."""

    group: str
    module: str
    function: str
    what: str
    line: int
    source: str

    @property
    def name(self) -> str:
        """What it is called in lists; the line is left out, so that the name outlives other changes."""
        return f"{self.group}: {self.module}.{self.function}: {self.what}"


def all_mutants(root: Path) -> list[Mutant]:
    """Every mutant of the sources below a folder, in a stable order."""
    found = [mutant for group, make in GROUPS.items() for mutant in make(root, group)]
    names = [mutant.name for mutant in found]
    if doubled := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"mutants of one name: {doubled}")
    return found


def source_of(root: Path, module: str) -> Path:
    """The file of a module of the compiler or of statements, which are known by their last names."""
    name = Path(*module.split(".")).with_suffix(".py")
    (found,) = [path for room in ("compiler", "statement") for path in (root / "adj" / room).rglob(str(name))]
    return found


# -- finding -----------------------------------------------------------------------------------------------------------


class _Module:
    """A parsed module, whose nodes are changed one at a time and put back."""

    def __init__(self, root: Path, name: str, group: str) -> None:
        self.name, self.group = name, group
        self.tree = ast.parse(source_of(root, name).read_text())
        self.names: dict[str, int] = {}

    def functions(self) -> Iterator[tuple[str, ast.AST]]:
        """Each function with its name, those in classes with both; and what stands outside of functions."""
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef):
                yield node.name, node
            elif isinstance(node, ast.ClassDef):
                for part in node.body:
                    if isinstance(part, ast.FunctionDef):
                        yield f"{node.name}.{part.name}", part
            else:
                yield "module", node

    def mutant(self, function: str, what: str, node: ast.AST, changed: ast.AST) -> Mutant:
        """The module with a node changed into another one."""
        before = dict(vars(node))
        kind = node.__class__
        node.__class__ = changed.__class__
        vars(node).clear()
        vars(node).update({**before, **vars(changed)})
        try:
            source = ast.unparse(ast.fix_missing_locations(copy.deepcopy(self.tree)))
        finally:
            node.__class__ = kind
            vars(node).clear()
            vars(node).update(before)
        key = f"{function}: {what}"
        self.names[key] = self.names.get(key, 0) + 1
        number = self.names[key]
        line: int = getattr(node, "lineno", 0)
        return Mutant(self.group, self.name, function, what if number == 1 else f"{what} ({number})", line, source)


def _text(node: ast.AST, length: int = 70) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= length else f"{text[: length - 3]}..."


def _expressions(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, without its annotations."""
    waiting = [function]
    while waiting:
        node = waiting.pop(0)
        yield node
        for name, value in ast.iter_fields(node):
            if name in {"annotation", "returns", "decorator_list"}:
                continue
            values = value if isinstance(value, list) else [value]
            waiting += [one for one in values if isinstance(one, ast.AST)]


# -- (a) the parts of keys ---------------------------------------------------------------------------------------------

_KEYS: Final[Mapping[str, Callable[[str], bool]]] = {
    "key_visitor": lambda function: function.startswith("KeyWalk.") or function == "describe_operands",
    "constants": lambda function: function in {"constant_key", "_key_of_container", "_of_subclass"},
    "plan_key": lambda function: function in {"structure_with_terminal_call", "key_of"},
    "nodes": lambda function: function in {"field_key", "_argument_key"},
    "clauses.clause": lambda function: function.endswith(".key"),
    "clauses.rows": lambda function: function.endswith(".key") or function == "among_key",
    "clauses.columns": lambda function: function.endswith(".key"),
    "clauses.relations": lambda function: function.endswith(".key"),
    "node_types": lambda function: function.endswith(".head"),
    "assign": lambda function: function == "describe_assignments",
}


def _key_parts(root: Path, group: str) -> Iterator[Mutant]:
    """Each tuple of a key without one of its elements, and each key that is not a tuple, left out."""
    for name, is_wanted in _KEYS.items():
        module = _Module(root, name, group)
        for function, node in module.functions():
            if not is_wanted(function):
                continue
            for found in _key_tuples(node):
                for number, element in enumerate(found.elts):
                    rest = [*found.elts[:number], *found.elts[number + 1 :]]
                    what = f"without {_text(element)} in {_text(found)}"
                    yield module.mutant(function, what, found, ast.Tuple(rest, ast.Load()))
            if function.endswith(".head"):
                for given in ast.walk(node):
                    if isinstance(given, ast.Return) and isinstance(given.value, ast.Call):
                        yield module.mutant(function, "None", given.value, ast.Constant(None))


def _key_tuples(function: ast.AST) -> Iterator[ast.Tuple]:
    left_out = {id(part) for part in _asked(function)}
    for node in _expressions(function):
        if isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load) and id(node) not in left_out:
            yield node


def _asked(function: ast.AST) -> Iterator[ast.AST]:
    """Tuples that are not part of a key: classes in `isinstance()`, and tuples that a loop iterates over."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and _text(node.func) in {"isinstance", "issubclass"}:
            yield from node.args
        elif isinstance(node, (ast.For, ast.comprehension)):
            yield node.iter
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            yield node.value


def _key_statements(root: Path, group: str) -> Iterator[Mutant]:
    """The walk that makes keys without one of its statements; a Structure without one of its parts."""
    module = _Module(root, "key_visitor", group)
    for function, node in module.functions():
        if not function.startswith("KeyWalk.") or function.endswith("__init__"):
            continue
        for found in ast.walk(node):
            is_call = isinstance(found, ast.Expr) and isinstance(found.value, ast.Call)
            is_kept = isinstance(found, ast.Assign) and isinstance(found.targets[0], ast.Attribute)
            if is_call or is_kept:
                yield module.mutant(function, f"without {_text(found)}", found, ast.Pass())
    module = _Module(root, "structure", group)
    for function, node in module.functions():
        if function == "Structure.extended":
            for found in ast.walk(node):
                if isinstance(found, (ast.BinOp, ast.BoolOp)) and "other." in _text(found):
                    left = found.left if isinstance(found, ast.BinOp) else found.values[-1]
                    yield module.mutant(function, f"{_text(left)} in place of {_text(found)}", found, left)
    yield from _returns(root, group, {"structure.equality_pattern": ["()"], "structure._comparable": ["value"]})


# -- (b) checks and guards ---------------------------------------------------------------------------------------------

_CHECKED = (
    *(
        "plan",
        "binders",
        "row_keys",
        "slots",
        "marked_nodes",
        "slotted_query",
        "prepare",
        "compiled",
        "build",
        "assign",
    ),
    *("walk", "node_types", "key_visitor", "clauses.rows", "constants", "structure", "project_code"),
)
_REFUSALS = {"UnfitValue", "Uncacheable", "Unkeyed", "keys.refuse"}


def _checks(root: Path, group: str) -> Iterator[Mutant]:
    """Each check without its condition, or without one of several, and each objection without its note."""
    for name in _CHECKED:
        yield from _refusals(_Module(root, name, group))


def _refusals(module: _Module) -> Iterator[Mutant]:
    for function, node in module.functions():
        for found in ast.walk(node):
            if isinstance(found, ast.If) and _refuses(found, function):
                yield module.mutant(function, f"never {_text(found.test)}", found.test, ast.Constant(False))
                yield from _without_one(module, function, found.test)
            if isinstance(found, ast.ExceptHandler) and any(map(_is_refusal, found.body)):
                yield module.mutant(function, f"no refusal at {_text(found)}", found, _raising(found))
            if isinstance(found, ast.Expr) and "note_objection(" in _text(found.value):
                yield module.mutant(function, f"without {_text(found)}", found, ast.Pass())


def _refuses(found: ast.If, function: str) -> bool:
    return any(_is_refusal(statement) or _is_objection(statement, function) for statement in found.body)


def _is_refusal(statement: ast.stmt) -> bool:
    value = statement.exc if isinstance(statement, ast.Raise) else None
    if isinstance(statement, (ast.Return, ast.Expr)):
        value = statement.value
    return value is not None and _text(value).split("(")[0] in _REFUSALS


def _is_objection(statement: ast.stmt, function: str) -> bool:
    return function == "_objection" and isinstance(statement, ast.Return)


def _raising(handler: ast.ExceptHandler) -> ast.ExceptHandler:
    changed = copy.copy(handler)
    changed.body = [ast.Raise()]
    return changed


def _without_one(module: _Module, function: str, test: ast.expr) -> Iterator[Mutant]:
    if not isinstance(test, ast.BoolOp) or not isinstance(test.op, ast.Or):
        return
    for number, value in enumerate(test.values):
        rest = [*test.values[:number], *test.values[number + 1 :]]
        changed = ast.BoolOp(ast.Or(), rest) if len(rest) > 1 else rest[0]
        yield module.mutant(function, f"never {_text(value)} alone", test, changed)


def _guards(root: Path, group: str) -> Iterator[Mutant]:
    """A plan without its guards, a key without the pattern, and what may be other at the next run."""
    module = _Module(root, "planning", group)
    for function, node in module.functions():
        for found in ast.walk(node):
            if isinstance(found, ast.keyword) and found.arg in {"guards", "parameter_guards", "binders"}:
                value: ast.expr = ast.Tuple([], ast.Load())
                if found.arg == "binders":
                    value = ast.Name("binders", ast.Load())
                yield module.mutant(function, f"no {found.arg}", found.value, value)
    yield from _conditional_parts(root, group)
    module = _Module(root, "slots", group)
    for function, node in module.functions():
        for found in ast.walk(node):
            if isinstance(found, ast.Expr) and "guards.append" in _text(found):
                yield module.mutant(function, f"without {_text(found)}", found, ast.Pass())
    yield from _returns(
        root,
        group,
        {
            "plan_key._models_are_local": ["False"],
            "plan_key._is_ordered_locally": ["False"],
            "content_types.generation": ["0"],
            "lookup_paths.is_local_path": ["False"],
        },
    )


def _conditional_parts(root: Path, group: str) -> Iterator[Mutant]:
    module = _Module(root, "plan_key", group)
    for function, node in module.functions():
        for found in ast.walk(node) if function == "key_of" else ():
            if isinstance(found, (ast.If, ast.IfExp)):
                yield module.mutant(function, f"never {_text(found.test)}", found.test, ast.Constant(False))
                yield from _without_one(module, function, found.test)


# -- (c) proof and probation -------------------------------------------------------------------------------------------

_PROOF = {"proof": None, "trust": None, "prepare": {"prepare", "_compared", "_first_run", "_prove", "_is_as_written"}}


def _proof(root: Path, group: str) -> Iterator[Mutant]:
    """The comparison with Django without one of its conditions or one of its steps."""
    for name, functions in _PROOF.items():
        module = _Module(root, name, group)
        for function, node in module.functions():
            if function == "module" or (functions is not None and function not in functions):
                continue
            for found in ast.walk(node):
                # Refusals are checks, and have their mutants there.
                if isinstance(found, ast.If) and not _refuses(found, function):
                    yield module.mutant(function, f"never {_text(found.test)}", found.test, ast.Constant(False))
                    yield from _without_one(module, function, found.test)
                if isinstance(found, ast.Expr) and isinstance(found.value, ast.Call) and "logger" not in _text(found):
                    yield module.mutant(function, f"without {_text(found)}", found, ast.Pass())
                if isinstance(found, ast.AugAssign):
                    yield module.mutant(function, f"without {_text(found)}", found, ast.Pass())
    yield from _returns(
        root,
        group,
        {
            "proof.difference": ["None"],
            "proof.are_same": ["True", "bool(one == other)", "type(one) is type(other)"],
            "trust.Trust.is_due": ["False", "True", "self.left > 0"],
            "trust._Verification.is_due": ["False"],
            "trust._fingerprint": ["0"],
            "prepare._is_as_written": ["True"],
            "compiled.reason_of_rows": ["None"],
        },
    )


# -- (d) lists of classes ----------------------------------------------------------------------------------------------


def _lists(root: Path, group: str) -> Iterator[Mutant]:
    """Every class taken for one of a list, or for none."""
    yield from _returns(
        root,
        group,
        {
            "passing.passes": ["True"],
            "project_code.is_project_code": ["False"],
            "project_code.resolves_itself": ["False"],
            "project_code.column_objection": ["None"],
            "project_code.join_is_project_code": ["False"],
            "lookup_paths.compares_plainly": ["True"],
            "lookup_paths.takes_any_length": ["True"],
            "nodes.holds_expression": ["False"],
            "nodes.has_derived_field": ["True", "False"],
            "nodes.computed_names": ["frozenset()", "_COMPUTED_ON_NODES", "_COMPUTED_ON_QUERIES"],
            "slotted_query._is_built_plainly": ["True"],
            "slotted_query._is_list_of_keys": ["isinstance(value, SEQUENCE_TYPES)"],
            "marked_nodes.SlottedLookup.passes_on": ["True"],
            "marked_nodes.Slotted.passes_on": ["True"],
            "binders.is_plain_integer": ["True"],
            "assign._takes_nodes": ["True"],
            "overrides.builds_plainly": ["True"],
        },
    )
    yield from _class_lists(root, group)


def _class_lists(root: Path, group: str) -> Iterator[Mutant]:
    for name, attributes in {"node_types": {"passes", "passes_left", "is_project"}}.items():
        module = _Module(root, name, group)
        for function, node in module.functions():
            for found in ast.walk(node):
                if not isinstance(found, ast.Assign) or not isinstance(found.targets[0], ast.Attribute):
                    continue
                attribute = found.targets[0].attr
                if attribute in attributes and not isinstance(found.value, ast.Constant):
                    other = ast.Constant(attribute != "is_project")
                    yield module.mutant(function, f"{attribute} = {_text(other)}", found.value, other)


def _returns(root: Path, group: str, table: Mapping[str, list[str]]) -> Iterator[Mutant]:
    """Functions that give something plain in place of what they find out."""
    for path, values in table.items():
        name, wanted = path.split(".", 1)
        module = _Module(root, name, group)
        for function, node in module.functions():
            if function != wanted:
                continue
            assert isinstance(node, ast.FunctionDef)
            for value in values:
                changed = copy.copy(node)
                changed.body = ast.parse(f"return {value}").body
                yield module.mutant(function, f"returns {value}", node, changed)
            break
        else:
            raise ValueError(f"there is no {path}")


# -- (e) names, accepted types, and code of projects and packages -----------------------------------------------------


def _code(root: Path, group: str) -> Iterator[Mutant]:
    """A name for one that it equals, a value for one that was accepted, code of a project or a package for Django's."""
    for name, functions in {"name_keys": {"name_key"}, "validate": {"validate", "_prefetched"}}.items():
        module = _Module(root, name, group)
        for function, node in module.functions():
            for found in _key_tuples(node) if function in functions else ():
                for element in found.elts:
                    yield module.mutant(function, f"None for {_text(element)} in a key", element, ast.Constant(None))
    for name in ("name_keys", "row_converters", "backend_code"):
        yield from _refusals(_Module(root, name, group))
    yield from _returns(
        root,
        group,
        {
            "name_keys._is_steady": ["True"],
            "name_keys._is_known": ["True"],
            "validate._are_accepted": ["True"],
            "validate._prefetched": ["None"],
            "validate._types_for": ["frozenset(PLAIN_TYPES)"],
            "prepared_values.is_prepared_by_project": ["False"],
            "prepared_values.field_is_projects": ["False"],
            "prepared_values._is_projects": [
                "prepares_values(type(field))",
                "getattr(field, 'encoder', None) is not None",
            ],
            "prepared_values._fields": ["iter([field])"],
            "backend_code.backend_objection": ["None", "next(filter(None, map(_objection, classes)), None)"],
            "dialect.Dialect.execution_reason": ["None"],
            "dialect.Dialect.plan_objection": ["None"],
        },
    )


GROUPS: Final[Mapping[str, Callable[[Path, str], Iterator[Mutant]]]] = {
    "keys": _key_parts,
    "structures": _key_statements,
    "checks": _checks,
    "guards": _guards,
    "proof": _proof,
    "lists": _lists,
    "code": _code,
}
