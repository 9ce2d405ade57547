"""The annotations that expressions and paths may name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from mypy.types import Type

NAMING: Final = frozenset({"annotate", "alias"})
"""The methods whose keyword arguments are annotations."""


@dataclass(frozen=True, slots=True)
class Names(Mapping[str, Type]):
    """Annotations by name, with their types. With `is_open` there may be others."""

    types: Mapping[str, Type] = field(default_factory=dict[str, Type])
    is_open: bool = False

    def __getitem__(self, name: str) -> Type:
        return self.types[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.types)

    def __len__(self) -> int:
        return len(self.types)

    def __bool__(self) -> bool:
        return self.is_open or bool(self.types)

    def adding(self, more: Mapping[str, Type]) -> Names:
        """Return these and others, which replace those of the same name."""
        is_open = isinstance(more, Names) and more.is_open
        return Names({**self.types, **more}, self.is_open or is_open)

    def keeping(self, kept: Mapping[str, Type]) -> Names:
        """Return some of these; they stay open if they are."""
        return Names(kept, self.is_open)


NO_NAMES: Final = Names()
ANY_NAMES: Final = Names(is_open=True)
"""Annotations of which nothing is known."""
