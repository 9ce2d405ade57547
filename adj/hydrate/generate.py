"""Parts of generated code, shared by the generators of rows and of instances.

The code does not contain any text of users or models, which Python might interpret: it normalizes identifiers, so that
an `id` in full-width letters becomes `id`, and the `repr()` of a `str` subclass may be any expression. The code is
written with placeholders, `n0`, `n1` and so on, which are replaced with the names in the compiled function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, TypeAlias

from adj.hydrate.converters import twin_of
from adj.hydrate.layout import Layout

Hydrate: TypeAlias = Callable[[Sequence[tuple[object, ...]]], list[Any]]


@dataclass(slots=True)
class FunctionSource:
    """The source of one generated function, and the objects that its names refer to."""

    lines: list[str] = field(default_factory=list)
    names: dict[str, object] = field(default_factory=dict)
    placeholders: dict[str, str] = field(default_factory=dict)

    def add(self, indent: int, line: str) -> None:
        """Append an indented line."""
        self.lines.append("    " * indent + line)

    def name(self, name: str, value: object) -> str:
        """Bind a name to an object."""
        self.names[name] = value
        return name

    def text(self, value: str) -> str:
        """An expression that returns this string object, which may be of a subclass of `str`."""
        if type(value) is str:
            return repr(self._placeholder(value))
        return self.name(f"k{len(self.names)}", value)

    def attribute(self, name: str) -> str:
        """The placeholder of an attribute name, which must be an exact `str`."""
        if type(name) is not str:
            raise TypeError(f"an attribute in generated code needs an exact str, not {type(name).__name__}")
        return self._placeholder(name)

    def _placeholder(self, value: str) -> str:
        placeholder = f"n{len(self.placeholders)}"
        self.placeholders[placeholder] = value
        return placeholder

    def function(self) -> Hydrate:
        """The finished function `hydrate(rows)`."""
        namespace = dict(self.names)
        code = compile("\n".join(self.lines), "<adj: generated hydrator>", "exec")
        exec(_with_names(code, self.placeholders), namespace)  # noqa: S102  # our text
        hydrate: Hydrate = namespace["hydrate"]  # type: ignore[assignment]  # what the text defines
        return hydrate


def _with_names(code: CodeType, names: Mapping[str, str]) -> CodeType:
    """Replace placeholders in compiled code, in constants and attribute names."""
    return code.replace(
        co_names=tuple(names.get(name, name) for name in code.co_names),
        co_consts=tuple(_constant(constant, names) for constant in code.co_consts),
    )


def _constant(constant: object, names: Mapping[str, str]) -> object:
    if isinstance(constant, CodeType):
        return _with_names(constant, names)
    if type(constant) is tuple:
        # Some versions of Python store the keys of a dict in a tuple.
        return tuple(_constant(member, names) for member in constant)
    return names.get(constant, constant) if type(constant) is str else constant


def unpacking(layout: Layout) -> str:
    """The target of `for ... in rows`: one variable for each column."""
    targets = [f"c{index}" for index in range(len(layout.columns))]
    if layout.is_trimmed or layout.has_surplus:
        targets.append("*rest")
    return unpacked(targets)


def unpacked(targets: Sequence[str]) -> str:
    """A target of several variables."""
    return f"({', '.join(targets)},)"


def item_text(layout: Layout, source: FunctionSource, item: int | tuple[int, ...]) -> str:
    """The expression for a member of a row: a column's value, or the tuple of a composite key."""
    if isinstance(item, int):
        return converted(layout, source, item)
    return f"({', '.join(converted(layout, source, index) for index in item)},)"


def converted(layout: Layout, source: FunctionSource, index: int) -> str:
    """The expression for a column's value: its converters, applied to its variable."""
    column, text = layout.columns[index], f"c{index}"
    for position, converter in enumerate(column.converters):
        convert = f"v{index}_{position}"
        twin = twin_of(converter, column.expression, layout.connection)
        if twin is None:
            expression = source.name(f"x{index}", column.expression)
            text = f"{source.name(convert, converter)}({text}, {expression}, connection)"
        else:
            source.name(convert, twin.convert)
            passes = None if twin.passes is None else source.name(f"t{index}_{position}", twin.passes)
            text = _guarded(text, convert, passes)
    return text


def _guarded(text: str, convert: str, passes: str | None) -> str:
    """The call of a twin, skipped for `None` and for values of the type `passes`."""
    first, again = (text, text) if text.isidentifier() else (f"(w := {text})", "w")
    test = f"{first} is None" + (f" or type({again}) is {passes}" if passes else "")
    # Python evaluates the condition first.
    return f"({again} if {test} else {convert}({again}))"
