"""Whole queries: a model, clauses in an order that Django takes, and a finish."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from typecheck_tests.generated import conditions, expressions
from typecheck_tests.generated.dice import Dice
from typecheck_tests.generated.facts import MODELS, columns
from typecheck_tests.generated.relations import Model, links
from typecheck_tests.generated.scope import Scope, spelt

_NAMES: Final = ("first_one", "second_one", "third_one", "fourth_one", "fifth_one", "sixth_one")


@dataclass(frozen=True, slots=True)
class Query:
    """One query in two forms: `asked` awaits adj, `django` is Django's synchronous code.

    `source` is what both begin with, `reads` reads something from the rows.
    """

    number: int
    asked: str
    django: str
    source: str
    reads: str = ""

    @property
    def name(self) -> str:
        """The name of its function."""
        return f"query_{self.number:04}"


@dataclass(slots=True)
class Chain:
    """A query that is being written."""

    dice: Dice
    scope: Scope
    steps: list[str] = field(default_factory=list[str])
    rows: str = "instances"
    keys: list[str] = field(default_factory=list[str])
    on_rows: list[str] = field(default_factory=list[str])
    loaded: list[str] = field(default_factory=list[str])
    deferred: list[str] = field(default_factory=list[str])
    is_sliced: bool = False
    is_combined: bool = False

    @property
    def model(self) -> Model:
        """What is asked for."""
        return self.scope.model

    def add(self, step: str) -> None:
        """One more clause."""
        self.steps.append(step)

    @property
    def has_ends(self) -> bool:
        """Whether a first and a last row can be asked for: Django orders by the key, unless rows are groups."""
        return not self.is_sliced and (
            self.rows == "instances" or any(step.startswith("order_by") for step in self.steps)
        )

    def new_name(self) -> str | None:
        """A name for an annotation."""
        return next((name for name in _NAMES if name not in self.scope.annotations), None)


def queries(seed: int, count: int) -> Iterator[Query]:
    """So many queries, the same for the same seed; about a third of them is wrong."""
    for number in range(count):
        dice = Dice(f"{seed}-{number}", wrong=(number % 5) < 2)
        yield _query(dice, number)


def _query(dice: Dice, number: int) -> Query:
    chain = Chain(dice, Scope(dice.pick(MODELS)))
    for _ in range(dice.number(0, 3)):
        dice.pick(_CLAUSES)(chain)
    if dice.chance(0.35):
        _shape(chain)
        if dice.chance(0.3):
            # Django's named rows do not know the names of later annotations.
            dice.pick((_annotate, _filter) if chain.rows != "named" else (_filter,))(chain)
    elif dice.chance(0.5):
        _load(chain)
    if dice.chance(0.5):
        _order(chain)
    if dice.chance(0.08):
        _combine(chain)
    if dice.chance(0.2):
        chain.add(dice.pick(("[:3]", "[2:7]", "[1:]")))
        chain.is_sliced = True
    source = f"q({chain.model.__name__})" + "".join(
        step if step.startswith("[") else f".{step}" for step in chain.steps
    )
    asked, django, reads = _finish(chain)
    return Query(number, asked.format(source), django.format(source), source, reads)


# -- clauses -----------------------------------------------------------------------------------------------------------


def _filter(chain: Chain) -> None:
    method = chain.dice.pick(("filter", "filter", "exclude"))
    chain.add(f"{method}({conditions.arguments(chain.dice, chain.scope)})")


def _annotate(chain: Chain) -> None:
    dice, scope = chain.dice, chain.scope
    method = dice.pick(("annotate", "annotate", "annotate", "alias"))
    given: dict[str, str] = {}
    for _ in range(dice.number(1, 2)):
        name = chain.new_name()
        if name is None:
            continue
        text, kind, over_many = _computed(chain)
        if dice.slips("conflict"):
            name = dice.pick(columns(scope.model)).path.replace("pk", scope.model._meta.pk.name)
        given[name] = text
        scope.annotations[name] = kind
        if over_many:
            scope.aggregates.add(name)
    if not given:
        return
    chain.add(f"{method}({', '.join(f'{name}={text}' for name, text in given.items())})")
    if method == "annotate":
        (chain.keys if chain.rows != "instances" else chain.on_rows).extend(given)


def _computed(chain: Chain) -> tuple[str, str, bool]:
    """An expression, its kind, and whether it looks at more than one row."""
    dice, scope = chain.dice, chain.scope
    chance = dice.number(0, 9)
    if chance < _AGGREGATES:
        return *expressions.aggregate(dice, scope), True
    if chance == _AGGREGATES and not scope.aggregates:
        return *expressions.window(dice, scope), True
    kind = dice.pick(expressions.PLAIN)
    return expressions.expression(dice, scope, kind, many=dice.chance(0.2)), kind, False


_AGGREGATES: Final = 4
"""In ten annotations."""

_CLAUSES: Final = (_filter, _filter, _annotate)


def _order(chain: Chain) -> None:
    dice = chain.dice
    if chain.is_combined:
        return
    terms: list[str] = []
    for _ in range(dice.number(1, 2)):
        column = chain.scope.path(dice, ("int", "str", "date", "float", "datetime"))
        path = "pk" if column is None else column.path
        if chain.scope.annotations and dice.chance(0.4):
            path = dice.pick(sorted(chain.scope.annotations))
        path = spelt(dice, path)
        terms.append(dice.pick((f'"{path}"', f'"-{path}"', f'F("{path}").desc()', f'F("{path}").asc(nulls_last=True)')))
    chain.add(f"order_by({', '.join(terms)})")
    if chain.dice.chance(0.1):
        chain.add(dice.pick(("reverse()", "distinct()")))


def _shape(chain: Chain) -> None:
    dice = chain.dice
    chosen = dice.some(_choices(chain), 3)
    names = [f'"{spelt(dice, name)}"' for name in chosen]
    method = dice.pick(("values", "values", "values_list", "flat", "named", "computed", "all"))
    match method:
        case "flat":
            wrong = dice.slips("flat")
            chain.rows = "flat"
            chain.add(f"values_list({', '.join(names) if wrong else names[0]}, flat=True)")
            if wrong and len(names) == 1:
                chain.steps[-1] = f'values_list({names[0]}, "pk", flat=True)'
        case "named":
            chain.rows = "named"
            names = [name for name in names if not name.startswith('"_')] or ['"pk"']
            chain.add(f"values_list({', '.join(names)}, named=True)")
        case "values_list":
            chain.rows = "tuples"
            chain.add(f"values_list({', '.join(names)})")
        case "computed":
            chain.rows = "dicts"
            kind = dice.pick(expressions.PLAIN)
            name = chain.new_name() or "other"
            text = expressions.expression(dice, chain.scope, kind)
            chain.scope.annotations[name] = kind
            chain.add(f"values({names[0]}, {name}={text})")
        case "all":
            chain.rows = "dicts"
            chain.add("values()")
        case _:
            chain.rows = "dicts"
            chain.add(f"values({', '.join(names)})")


def _choices(chain: Chain) -> list[str]:
    dice = chain.dice
    found = [column.path for column in (chain.scope.path(dice) for _ in range(3)) if column is not None]
    found += sorted(chain.scope.annotations)
    found += [link.name for link in links(chain.model) if dice.chance(0.2)]
    found += ["published__year"] if chain.model.__name__ == "Book" and dice.chance(0.2) else []
    return sorted(set(found)) or ["pk"]


def _load(chain: Chain) -> None:
    """Relations that come with the rows, and columns that do not."""
    dice = chain.dice
    single = [link for link in links(chain.model) if not link.many]
    if single and dice.chance(0.6):
        link = dice.pick(single)
        name = spelt(dice, link.name)
        many = [other for other in links(chain.model) if other.many]
        if many and dice.slips("many"):
            name = dice.pick(many).name
        single_beyond = [inner for inner in links(link.target) if not inner.many]
        if single_beyond and dice.chance(0.3):
            name += "__" + spelt(dice, dice.pick(single_beyond).name)
        chain.loaded.append(link.attribute)
        if link.is_forward and not link.name.endswith("_ptr") and dice.slips("both"):
            chain.add('only("pk")')
        chain.add(f'select_related("{name}")')
        return
    if dice.chance(0.5) and (relation := chain.scope.link(dice)):
        name = spelt(dice, relation.attribute)
        beyond = links(relation.target)
        if beyond and dice.chance(0.3):
            name += "__" + spelt(dice, dice.pick(beyond).attribute)
        chain.loaded.append(relation.attribute)
        chain.add(f'prefetch_related("{name}")')
        return
    names = [column.path for column in dice.some(columns(chain.model), 2)]
    method = dice.pick(("only", "defer"))
    if method == "defer":
        chain.deferred.extend(name for name in names if not _is_key(chain.model, name))
    chain.add(f"{method}({', '.join(chr(34) + spelt(dice, name) + chr(34) for name in names)})")


def _is_key(model: Model, name: str) -> bool:
    return name == "pk" or model._meta.get_field(name) is model._meta.pk


def _combine(chain: Chain) -> None:
    if chain.rows != "instances" or chain.on_rows or chain.scope.annotations or len(chain.steps) > 1:
        return
    if any("__" in str(name) for name in chain.model._meta.ordering or ()):
        # Django sorts a union by the order of its model, and stumbles over a column that is not selected.
        return
    other = f"q({chain.model.__name__}).filter({conditions.keywords(chain.dice, chain.scope)})"
    if chain.steps:
        return
    chain.add(
        f"order_by().union({other})" if chain.dice.chance(0.5) else f"order_by().intersection({other}.order_by())"
    )
    if ".union" in chain.steps[-1]:
        chain.steps[-1] = f"order_by().union({other}.order_by())"
    chain.is_combined = True


# -- finishes ----------------------------------------------------------------------------------------------------------


def _finish(chain: Chain) -> tuple[str, str, str]:
    """The ending in adj, Django's, and what is read of the rows."""
    dice = chain.dice
    finish = dice.pick(("run", "run", "run", "afirst", "aaggregate", "others"))
    if finish == "aaggregate" and not chain.is_combined and chain.rows == "instances":
        return _aggregated(chain)
    if finish == "afirst" and chain.has_ends:
        return "{}.afirst()", "{}.first()", _read(chain, "if rows is not None:", "rows")
    if finish == "others":
        return _other(chain)
    return "{}.run()", "list({})", _read(chain, "for row in rows:", "row")


def _aggregated(chain: Chain) -> tuple[str, str, str]:
    given = ", ".join(
        f"{name}={expressions.aggregate(chain.dice, chain.scope)[0]}"
        for name in ("least", "most")[: chain.dice.number(1, 2)]
    )
    given = given.replace("{", "{{").replace("}", "}}")
    return f"{{}}.aaggregate({given})", f"{{}}.aggregate({given})", ""


def _other(chain: Chain) -> tuple[str, str, str]:
    dice = chain.dice
    choices = [("{}.acount()", "{}.count()"), ("{}.aexists()", "{}.exists()")]
    if chain.has_ends:
        choices.append(("{}.alast()", "{}.last()"))
    if chain.rows == "instances" and not chain.is_sliced and not chain.is_combined:
        choices.append(("{}.ain_bulk()", "{}.in_bulk()"))
        condition = conditions.keywords(dice, chain.scope, 1).replace("{", "{{").replace("}", "}}")
        choices.append((f"{{}}.aget({condition})", f"{{}}.get({condition})"))
        dated = [column.path for column in columns(chain.model) if column.kind in {"date", "datetime"}]
        if dated:
            path = spelt(dice, dice.pick(dated))
            choices.append((f'{{}}.alatest("{path}")', f'{{}}.latest("{path}")'))
            choices.append((f'{{}}.dates("{path}", "year").run()', f'list({{}}.dates("{path}", "year"))'))
        moments = [column.path for column in columns(chain.model) if column.kind == "datetime"]
        if moments:
            path = dice.pick(moments)
            choices.append((f'{{}}.datetimes("{path}", "month").run()', f'list({{}}.datetimes("{path}", "month"))'))
    asked, django = dice.pick(choices)
    return asked, django, ""


def _read(chain: Chain, head: str, row: str) -> str:
    """Something that the rows carry, or as a mistake something that they do not."""
    dice = chain.dice
    if chain.rows != "instances" or chain.is_combined:
        return ""
    unloaded = [
        link.attribute for link in links(chain.model)
        if not link.many and link.attribute not in chain.loaded and not link.attribute.endswith("_ptr")
    ]  # fmt: skip
    if unloaded and dice.slips("unloaded"):
        return f"{head}\n        {row}.{dice.pick(unloaded)}"
    if chain.deferred and dice.slips("deferred"):
        return f"{head}\n        {row}.{chain.deferred[0]}"
    if dice.slips("attribute"):
        return f"{head}\n        {row}.nothing_of_the_kind"
    names = [*chain.on_rows, *(name for name in chain.loaded if not name.endswith("_ptr"))]
    return f"{head}\n        {row}.{dice.pick(names)}" if names and dice.chance(0.5) else ""
