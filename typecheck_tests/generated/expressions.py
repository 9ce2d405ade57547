"""Expressions, each of a wanted kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from typecheck_tests.generated import conditions
from typecheck_tests.generated.dice import Dice
from typecheck_tests.generated.relations import links
from typecheck_tests.generated.scope import Scope, spelt
from typecheck_tests.generated.values import literal

PLAIN: Final = ("int", "float", "decimal", "str", "bool", "date", "datetime", "time", "duration")
"""The kinds that expressions may have, beside those that only a column can."""
_FIELDS: Final[Mapping[str, str]] = {"int": "IntegerField()", "str": "CharField()", "float": "FloatField()"}

_WHOLE: Final = 2
"""The depth of a whole expression."""

Maker: TypeAlias = Callable[[Dice, Scope, str, int], "str | None"]


def expression(dice: Dice, scope: Scope, kind: str, depth: int = _WHOLE, *, many: bool = False) -> str:
    """An expression over single rows."""
    if depth:
        made = dice.pick((*_GENERAL, *_MAKERS.get(kind, ())))(dice, scope, kind, depth)
        if made is not None:
            return made
    named = [name for name, known in scope.annotations.items() if known == kind and name not in scope.aggregates]
    if named and dice.chance(0.3):
        return f'F("{spelt(dice, dice.pick(named))}")'
    column = scope.path(dice, (kind,), many=many)
    if column is None or dice.chance(0.1):
        return value(dice, kind)
    reference = f'F("{spelt(dice, column.path)}")'
    if column.is_plain or depth == _WHOLE:
        return reference
    return f"({reference} + 0)" if kind == "int" else value(dice, kind)


def value(dice: Dice, kind: str) -> str:
    """A constant. Text for a date would be text."""
    plain = [text for text in (literal(dice, kind) for _ in range(4)) if kind != "date" or not text.startswith('"')]
    return f"Value({plain[0] if plain else 'date(1990, 1, 1)'})" if kind != "decimal" else 'Value(Decimal("2.50"))'


def key(scope: Scope) -> str:
    """A name of the model's key, or of its last column."""
    return "number" if scope.model._meta.pk_fields[1:] else "pk"


# -- of every kind -----------------------------------------------------------------------------------------------------


def _coalesce(dice: Dice, scope: Scope, kind: str, depth: int) -> str | None:
    return f"Coalesce({expression(dice, scope, kind, depth - 1)}, {value(dice, kind)})"


def _case(dice: Dice, scope: Scope, kind: str, depth: int) -> str | None:
    cases = [
        f"When({conditions.keywords(dice, scope, 1)}, then={expression(dice, scope, kind, depth - 1)})"
        for _ in range(dice.number(1, 2))
    ]
    default = f", default={expression(dice, scope, kind, depth - 1)}" if dice.chance(0.7) else ""
    return f"Case({', '.join(cases)}{default})"


def _greatest(dice: Dice, scope: Scope, kind: str, depth: int) -> str | None:
    if kind in {"bool", "duration", "time"}:
        return None
    sides = expression(dice, scope, kind, depth - 1), expression(dice, scope, kind, depth - 1)
    return f"{dice.pick(('Greatest', 'Least', 'NullIf'))}({sides[0]}, {sides[1]})"


def _subquery(dice: Dice, scope: Scope, kind: str, depth: int) -> str | None:
    link = scope.link(dice)
    if link is None:
        return None
    inner = Scope(link.target)
    column = inner.path(dice, (kind,), far=False)
    if column is None or not (column.is_plain or depth == _WHOLE):
        return None
    outer = "nothing" if dice.slips("outer") else key(scope)
    shape = dice.pick(
        (f'values("{column.path}")', f'values_list("{column.path}")', f'values_list("{column.path}", flat=True)')
    )
    return f'Subquery(q({link.target.__name__}).filter(pk__gte=OuterRef("{outer}")).order_by("pk").{shape}[:1])'


_GENERAL: Final[tuple[Maker, ...]] = (_coalesce, _case, _greatest, _subquery)

# -- of one kind -------------------------------------------------------------------------------------------------------


def _arithmetic(kind: str) -> Maker:
    def make(dice: Dice, scope: Scope, _: str, depth: int) -> str | None:
        left = expression(dice, scope, kind, depth - 1)
        if dice.slips("mixed"):
            return f"{left} + {value(dice, 'str')}"
        operator = dice.pick("+-*")
        if dice.chance(0.4):
            right = {"int": "2", "float": "0.5", "decimal": 'Decimal("1.5")'}[kind]
        else:
            right = expression(dice, scope, kind, depth - 1)
        return f"({left} {operator} {right})"

    return make


def _function(template: str, *kinds: str) -> Maker:
    """A function whose arguments are of these kinds."""

    def make(dice: Dice, scope: Scope, _: str, depth: int) -> str | None:
        return template.format(*(expression(dice, scope, kind, depth - 1) for kind in kinds))

    return make


def _exists(dice: Dice, scope: Scope, _: str, __: int) -> str | None:
    many = [link for link in links(scope.model) if link.many and not link.is_forward]
    if not many:
        return None
    link = dice.pick(many)
    inner = Scope(link.target)
    return f'Exists(q({link.target.__name__}).filter({conditions.keywords(dice, inner)}, pk=OuterRef("{key(scope)}")))'


def _condition(dice: Dice, scope: Scope, _: str, __: int) -> str | None:
    return f"ExpressionWrapper({conditions.tree(dice, scope, 1)}, output_field=BooleanField())"


_MAKERS: Final[Mapping[str, tuple[Maker, ...]]] = {
    "int": (
        _arithmetic("int"), _arithmetic("int"), _function("Length({})", "str"), _function("Abs({})", "int"),
        _function("ExtractYear({})", "date"), _function("ExtractMonth({})", "datetime"),
        _function("StrIndex({}, {})", "str", "str"), _function("Cast({}, IntegerField())", "str"),
        _function("ExtractHour({})", "time"), _function("Sign({})", "int"),
    ),
    "float": (
        _arithmetic("float"), _function("Sqrt(Abs({}))", "float"), _function("Round({})", "float"),
        _function("Cast({}, FloatField())", "int"), _function("Round({}, precision=1)", "float"),
        _function("Power({}, 2)", "float"), _function("Ln({})", "float"), _function("Mod({}, 7)", "int"),
    ),
    "decimal": (
        _arithmetic("decimal"), _function("Round({}, precision=1)", "decimal"), _function("Abs({})", "decimal"),
    ),
    "str": (
        _function("Lower({})", "str"), _function("Upper({})", "str"), _function("Trim({})", "str"),
        _function('Concat({}, Value(" "), {})', "str", "str"), _function("Substr({}, 1, 3)", "str"),
        _function("Left({}, 2)", "str"), _function('Replace({}, Value("a"), Value("b"))', "str"),
        _function("Cast({}, CharField())", "int"), _function("LPad({}, 8, Value('-'))", "str"),
        _function("MD5({})", "str"), _function("Reverse({})", "str"),
    ),
    "bool": (_exists, _condition),
    "date": (
        _function("TruncYear({})", "date"), _function("TruncMonth({})", "date"),
        _function("TruncDate({})", "datetime"),
    ),
    "datetime": (_function("TruncHour({})", "datetime"), _function("TruncDay({})", "datetime"), _function("Now()")),
    "time": (_function("TruncTime({})", "datetime"),),
    "duration": (),
}  # fmt: skip

# -- over many rows ----------------------------------------------------------------------------------------------------


def aggregate(dice: Dice, scope: Scope) -> tuple[str, str]:
    """An aggregate, and the kind of its values."""
    name = dice.pick(("Count", "Count", "Sum", "Avg", "Min", "Max", "StdDev", "Variance"))
    if name == "Count":
        return _count(dice, scope), "int"
    kinds = ("int", "float", "decimal") if name not in {"Min", "Max"} else PLAIN[:4] + PLAIN[5:8]
    column = scope.path(dice, kinds)
    if column is None:
        return _count(dice, scope), "int"
    options = f", filter={conditions.tree(dice, scope, 1)}" if dice.chance(0.25) else ""
    result = {"Avg": _MEAN, "StdDev": _SPREAD, "Variance": _SPREAD}.get(name, {}).get(column.kind, column.kind)
    if dice.chance(0.25) and result != "datetime":
        default = {"int": "0", "float": "0.0", "decimal": 'Decimal("0")', "str": '"none"', "date": "date(1, 1, 1)",
                   "time": "time(0, 0)"}[result]  # fmt: skip
        options += f", default={default}"
    path = spelt(dice, column.path)
    source = f'F("{path}") * 2' if name == "Sum" and column.kind == "int" and dice.chance(0.3) else f'"{path}"'
    return f"{name}({source}{options})", result


_MEAN: Final[Mapping[str, str]] = {"int": "float"}
_SPREAD: Final[Mapping[str, str]] = {"int": "float"}


def _count(dice: Dice, scope: Scope) -> str:
    link = scope.link(dice, many=True)
    path = "*" if link is None else spelt(dice, link.name)
    options = ", distinct=True" if link is not None and dice.chance(0.4) else ""
    if path != "*" and dice.chance(0.2):
        options += f", filter={conditions.tree(dice, scope, 1)}"
    return f'Count("{path}"{options})'


def window(dice: Dice, scope: Scope) -> tuple[str, str]:
    """A window function, and the kind of its values."""
    kind = dice.pick(("int", "str", "float"))
    column = scope.path(dice, (kind,), many=False, far=False)
    order = scope.path(dice, ("int", "str", "date"), many=False, far=False)
    over = f', order_by="{spelt(dice, order.path) if order else "pk"}"'
    part = scope.path(dice, ("str", "bool", "int"), many=False, far=False)
    if part is not None and dice.chance(0.5):
        over += f', partition_by=[F("{spelt(dice, part.path)}")]'
    choices = [
        ("RowNumber()", "int"),
        ("Rank()", "int"),
        ("DenseRank()", "int"),
        ("PercentRank()", "float"),
        ("Ntile(3)", "int"),
    ]
    if column is not None:
        choices += [
            (f'Lag("{column.path}")', kind),
            (f'FirstValue("{column.path}")', kind),
            (f'Max("{column.path}")', kind),
        ]
        choices += [
            (f'Lead("{column.path}", default={value(dice, kind)})', kind),
            (f'NthValue("{column.path}", 2)', kind),
        ]
    function, result = dice.pick(choices)
    return f"Window({function}{over})", result
