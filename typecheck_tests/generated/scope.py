"""Where an expression or a condition stands: the model, and the annotations that may be named there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from typecheck_tests.generated.dice import Dice
from typecheck_tests.generated.facts import Column, columns, reachable
from typecheck_tests.generated.relations import Link, Model, links


@dataclass(slots=True)
class Scope:
    """The names that are known, with kinds. Those of `aggregates` may not be aggregated again."""

    model: Model
    annotations: dict[str, str] = field(default_factory=dict[str, str])
    aggregates: set[str] = field(default_factory=set[str])

    def path(self, dice: Dice, kinds: Sequence[str] = (), *, many: bool = True, far: bool = True) -> Column | None:
        """A column that can be reached, of one of these kinds; None if there is none."""
        found = reachable(self.model, 1 if dice.chance(0.7) else 2) if far and dice.chance(0.4) else columns(self.model)
        fitting = [column for column in found if (not kinds or column.kind in kinds) and (many or not column.many)]
        return dice.pick(fitting) if fitting else None

    def link(self, dice: Dice, *, many: bool | None = None) -> Link | None:
        """A relation of the model, to one row or to many."""
        found = [link for link in links(self.model) if many is None or link.many == many]
        return dice.pick(found) if found else None


def spelt(dice: Dice, path: str) -> str:
    """A path as it is, or with a misspelt part."""
    if not dice.slips("name"):
        return path
    parts = path.split("__")
    at = dice.number(0, len(parts) - 1)
    parts[at] = parts[at][:1] + "q" + parts[at][1:]
    return "__".join(parts)
