"""Conditions: keywords, and trees of `Q`."""

from __future__ import annotations

from typing import Final

from typecheck_tests.generated.dice import Dice
from typecheck_tests.generated.relations import Link
from typecheck_tests.generated.scope import Scope, spelt
from typecheck_tests.generated.values import LITERALS, literal, lookup

SEVERAL: Final = 3


def keywords(dice: Dice, scope: Scope, most: int = 2) -> str:
    """`pages__gt=3, author__name="Emma"`: each path once."""
    found = [condition(dice, scope) for _ in range(dice.number(1, most))]
    return ", ".join({text.partition("=")[0]: text for text in found}.values())


def condition(dice: Dice, scope: Scope) -> str:
    """One keyword with its value."""
    chance = dice.number(0, 9)
    if chance == 0 and (link := scope.link(dice)) is not None:
        return _of_relation(dice, link)
    if chance == 1 and (named := _of_annotation(dice, scope)):
        return named
    if chance == 2 and (compared := _of_columns(dice, scope)):
        return compared
    column = scope.path(dice)
    if column is None:
        return "pk__isnull=False"
    test = lookup(dice, column.kind)
    return spelt(dice, column.path) + ("" if test.startswith("=") else "__") + test


def tree(dice: Dice, scope: Scope, depth: int = 2) -> str:
    """`Q(...) | ~Q(...) & Q(...)`."""
    if depth == 0 or dice.chance(0.4):
        return ("~" if dice.chance(0.2) else "") + f"Q({keywords(dice, scope)})"
    sides = tree(dice, scope, depth - 1), tree(dice, scope, depth - 1)
    return f"({sides[0]} {dice.pick(('|', '&', '^'))} {sides[1]})"


def arguments(dice: Dice, scope: Scope) -> str:
    """What `filter()` is given."""
    if dice.chance(0.6):
        return keywords(dice, scope)
    if dice.chance(0.5):
        return tree(dice, scope)
    return f"{tree(dice, scope, 1)}, {keywords(dice, scope)}"


def _of_relation(dice: Dice, link: Link) -> str:
    name = spelt(dice, link.name)
    target = link.target.__name__
    if dice.slips("relation"):
        return f"{name}={'Tag(pk=1)'}" if link.target.__name__ != "Tag" else f"{name}=Author(pk=1)"
    choices = [f"{name}__isnull={literal(dice, 'bool')}", f"{name}__in=q({target}).filter(pk__isnull=False)"]
    if link.key in LITERALS:
        value = literal(dice, link.key)
        choices += [f"{name}={value}", f"{name}__in=[{value}]"]
    if link.key == "int" and not link.name.endswith("_ptr"):
        choices += [f"{name}={target}(pk=1)", f"{name}__in=[{target}(pk=1), {target}(pk=2)]"]
    return dice.pick(choices)


def _of_annotation(dice: Dice, scope: Scope) -> str | None:
    names = [name for name, kind in scope.annotations.items() if kind in LITERALS]
    if not names:
        return None
    name = dice.pick(names)
    kind = scope.annotations[name]
    test = dice.pick(("", "__isnull", "__gt", "__in"))
    if test == "__isnull" or kind in {"bool", "json", "bytes", "uuid"}:
        return f"{name}__isnull={literal(dice, 'bool')}"
    value = literal(dice, kind)
    return f"{name}{test}=[{value}]" if test == "__in" else f"{name}{test}={value}"


def _of_columns(dice: Dice, scope: Scope) -> str | None:
    left = scope.path(dice, ("int", "str", "date", "float", "decimal"))
    right = None if left is None else scope.path(dice, (left.kind,))
    if left is None or right is None:
        return None
    return f'{spelt(dice, left.path)}__{dice.pick(("gte", "lt", "exact"))}=F("{spelt(dice, right.path)}")'
