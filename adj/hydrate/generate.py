"""Small pieces of generated code, shared by the generators of rows and of instances."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from adj.hydrate.converters import twin_of
from adj.hydrate.layout import Layout

Hydrate: TypeAlias = Callable[[Sequence[tuple[object, ...]]], list[Any]]


@dataclass(slots=True)
class Source:
    """The text of one generated function, and the objects that its names stand for."""

    lines: list[str] = field(default_factory=list)
    names: dict[str, object] = field(default_factory=dict)

    def add(self, indent: int, line: str) -> None:
        """Append a line at a depth of indentation."""
        self.lines.append("    " * indent + line)

    def name(self, name: str, value: object) -> str:
        """Let a name stand for an object."""
        self.names[name] = value
        return name

    def function(self) -> Hydrate:
        """The finished function `hydrate(rows)`."""
        namespace = dict(self.names)
        exec(compile("\n".join(self.lines), "<adj: generated hydrator>", "exec"), namespace)  # noqa: S102  # our text
        hydrate: Hydrate = namespace["hydrate"]  # type: ignore[assignment]  # what the text defines
        return hydrate


def unpacking(layout: Layout) -> str:
    """The target of `for ... in rows`: one variable a column."""
    targets = [f"c{index}" for index in range(len(layout.columns))]
    if layout.is_trimmed or layout.has_surplus:
        targets.append("*rest")
    return f"({', '.join(targets)},)"


def converted(layout: Layout, source: Source, index: int) -> str:
    """The expression for a column's value: its variable, inside its converters."""
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
    """A twin's call, around which `None` and values of the type that passes go without one."""
    first, again = (text, text) if text.isidentifier() else (f"(w := {text})", "w")
    test = f"{first} is None" + (f" or type({again}) is {passes}" if passes else "")
    # The condition is what Python looks at first.
    return f"({again} if {test} else {convert}({again}))"
