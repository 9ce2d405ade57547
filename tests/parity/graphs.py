"""Random object graphs as data: trees of prefetches over the small world, nested up to five deep.

A `Tree` says what a query asks. It is drawn by a seed, and written for either side from the same data.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import CompositePrimaryKey, F, Prefetch, Value

from tests.graphs.models import MODELS, Person
from tests.parity.oracle import Start

DEPTH = 5

# A query method with its arguments.
Method = tuple[str, tuple[Any, ...], dict[str, Any]]


@dataclass(slots=True)
class Tree:
    """A query of a model, with the lookups that its rows ask for. `by_django` keeps it a QuerySet on both sides."""

    model: Any
    methods: list[Method] = field(default_factory=list)
    lookups: list[Lookup] = field(default_factory=list)
    bounds: tuple[int, int] | None = None
    by_django: bool = False

    def build(self, start: Start) -> Any:
        """The query, for one side."""
        query = self.model._default_manager.all() if self.by_django else start(self.model)
        for name, args, kwargs in self.methods:
            query = getattr(query, name)(*args, **kwargs)
        if self.lookups:
            query = query.prefetch_related(*[lookup.build(start) for lookup in self.lookups])
        return query if self.bounds is None else query[slice(*self.bounds)]

    def __str__(self) -> str:
        parts = [f"{'M' if self.by_django else 's'}({self.model.__name__})"]
        parts += [
            f".{name}({', '.join([*map(repr, args), *(f'{k}={v!r}' for k, v in kwargs.items())])})"
            for name, args, kwargs in self.methods
        ]
        if self.lookups:
            parts.append(f".prefetch_related({', '.join(map(str, self.lookups))})")
        return "".join(parts) + (f"[{self.bounds[0]}:{self.bounds[1]}]" if self.bounds else "")


@dataclass(slots=True)
class Lookup:
    """A path, or a `Prefetch` of one."""

    path: str
    to_attr: str | None = None
    tree: Tree | None = None

    def build(self, start: Start) -> Any:
        """The lookup, for one side."""
        if self.to_attr is None and self.tree is None:
            return self.path
        made: Any = Prefetch
        return made(self.path, None if self.tree is None else self.tree.build(start), self.to_attr)

    def __str__(self) -> str:
        if self.to_attr is None and self.tree is None:
            return repr(self.path)
        queryset = "" if self.tree is None else f", {self.tree}"
        return f"Prefetch({self.path!r}{queryset}{f', to_attr={self.to_attr!r}' if self.to_attr else ''})"


def drawn_tree(seed: int) -> Tree:
    """The tree of a seed."""
    return _Drawing(random.Random(seed)).root()


class _Drawing:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.count = 0

    def root(self) -> Tree:
        """A query whose rows are not all of one kind: some carry relations, some lack columns."""
        model = self.rng.choice([*MODELS, *[Person] * 4])
        return Tree(model, self.methods(model), self.lookups(model, DEPTH))

    def methods(self, model: Any) -> list[Method]:
        """Conditions, columns, annotations and selected relations."""
        rng = self.rng
        if model not in MODELS:
            return []
        choices: list[Callable[[], Method]] = [
            lambda: ("filter", (), {"rank__lt": rng.randrange(3, 12)}),
            lambda: ("exclude", (), {"name__endswith": str(rng.randrange(4))}),
            lambda: ("order_by", ("-rank", "name"), {}),
            lambda: ("only", (rng.choice(["name", "rank", *_key_names(model)]),), {}),
            lambda: ("defer", (rng.choice(["name", "rank", *_key_names(model)]),), {}),
            lambda: ("annotate", (), {"twice": F("rank") * 2}),
            lambda: ("annotate", (), {f"mark{rng.randrange(3)}": Value("x")}),
            lambda: ("distinct", (), {}),
            lambda: ("none", (), {}) if rng.random() < 0.1 else ("all", (), {}),
        ]
        single = _single_names(model)
        if single:
            choices += [lambda: ("select_related", (rng.choice(single),), {})] * 3
        methods: list[Method] = []
        for choose in rng.sample(choices, rng.choice([0, 0, 1, 1, 2])):
            method = choose()
            clashes = {"only", "defer"} & {name for name, _, _ in methods} and method[0] == "select_related"
            if method[0] != "all" and not clashes and not _defers_selected(methods, method):
                methods.append(method)
        return methods

    def lookups(self, model: Any, depth: int) -> list[Lookup]:
        """Lookups from a model, some of which go on where others have been."""
        made: list[Lookup] = []
        # Where earlier lookups lead: paths of attributes, and the models there.
        places: list[tuple[str, Any]] = [("", model)]
        for _ in range(self.rng.choice([1, 1, 2, 2, 3, 4])):
            where, here = self.rng.choice(places)
            lookup = self.lookup(where, here, depth, places)
            if lookup is not None:
                made.append(lookup)
        return made

    def lookup(self, where: str, here: Any, depth: int, places: list[tuple[str, Any]]) -> Lookup | None:
        """One lookup from a place."""
        rng, before, path = self.rng, where, where
        left = depth - (where.count("__") + 1 if where else 0)
        for _ in range(min(left, rng.choice([1, 1, 2, 2, 3, 5]))):
            relations = list(_relations(here)) if here is not None else [("remarks", None), ("owner", None)]
            name, target = rng.choice(relations)
            before, path = path, f"{path}__{name}" if path else name
            here, left = target, left - 1
            places.append((path, here))
        if path == where:
            return None
        if rng.random() < 0.45:
            return Lookup(path)
        to_attr = None
        if rng.random() < 0.5:
            self.count += 1
            to_attr = f"x{self.count % 6}" if rng.random() < 0.9 else rng.choice(["name", "remarks", "rank"])
            places.append((f"{before}__{to_attr}" if before else to_attr, here))
        tree = self.nested(here, left) if here is not None and rng.random() < 0.75 else None
        return Lookup(path, to_attr, tree)

    def nested(self, model: Any, depth: int) -> Tree:
        """The query of a Prefetch."""
        rng = self.rng
        lookups = self.lookups(model, depth) if depth > 0 and rng.random() < 0.6 else []
        bounds = (rng.randrange(2), rng.randrange(2, 4)) if rng.random() < 0.12 else None
        methods = self.methods(model)
        if bounds is not None:
            methods = [method for method in methods if method[0] not in {"distinct", "none"}]
        return Tree(model, methods, lookups, bounds, rng.random() < 0.2)


def _relations(model: Any) -> Iterator[tuple[str, Any]]:
    """The relations of a model by the names of their attributes, and where they lead; a generic key to any model."""
    for one in model._meta.get_fields():
        if one.is_relation:
            name = one.get_accessor_name() if hasattr(one, "get_accessor_name") else one.name
            if name is not None:
                yield name, one.related_model


def _single_names(model: Any) -> Sequence[str]:
    return [
        one.name
        for one in model._meta.get_fields()
        if one.is_relation and one.related_model is not None and (one.many_to_one or one.one_to_one)
    ]


def _key_names(model: Any) -> Sequence[str]:
    """Columns that relations have their keys in."""
    return [
        one.name
        for one in model._meta.concrete_fields
        if (one.is_relation or one.unique) and not isinstance(one, CompositePrimaryKey)
    ]


def _defers_selected(methods: Sequence[Method], method: Method) -> bool:
    """Whether a column is left out that a selected relation needs, which Django refuses."""
    return method[0] in {"only", "defer"} and any(name == "select_related" for name, _, _ in methods)
