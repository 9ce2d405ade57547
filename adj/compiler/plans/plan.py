"""A plan: SQL, binders for its parameters, and a hydrator for its rows. It does not contain any user's values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from adj.compiler.django.dialect import Dialect
from adj.compiler.django.limits import LIMITS
from adj.compiler.plans.trust import Trust
from adj.compiler.slots.row_keys import placeholders
from adj.compiler.slots.slots import UnfitValue

T = TypeVar("T")

Bind: TypeAlias = Callable[[object], Sequence[object]]


NO_VALUE = -1
"""The slot of a binder without a value: index -1, where `Plan.bind()` appends None."""


@dataclass(frozen=True, slots=True)
class Binder:
    """Turns the value of one slot into the parameters of one place in the SQL.

    Raises `UnfitValue` for a value that needs other SQL.
    """

    slot: int
    bind: Bind


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter that is set at every run: number `position` of the result of binder `binder`."""

    binder: int
    position: int


@dataclass(frozen=True, slots=True)
class KeyParameters:
    """All parameters of the result of binder `binder` from number `start`: a list of keys of any length."""

    binder: int
    start: int


@dataclass(frozen=True, slots=True)
class KeyList:
    """A list of keys in the SQL: `token` stands for its placeholders."""

    parameters: KeyParameters
    token: str


@dataclass(frozen=True, slots=True)
class Guard(Generic[T]):
    """Two values, by slot, or two parameters, that must be equal, or must differ, for the SQL to be correct."""

    one: T
    other: T
    equal: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is the same for all runs of one structure.

    `template` has a constant or a `Parameter` for each `%s` of the SQL; `keys` are the lists whose placeholders are
    inserted at run time. `hydrate` turns database rows into result rows. `calls_project_code` tells whether hydrating
    calls project code, which may use the database. `is_typed`: the server can infer the types of all parameters.
    `compiles_project_code`: a binder compiles a node with project code, without a value.
    """

    dialect: Dialect
    sql: str
    template: tuple[object, ...]
    binders: tuple[Binder, ...]
    guards: tuple[Guard[int], ...]
    parameter_guards: tuple[Guard[Any], ...]
    hydrate: Callable[[Sequence[tuple[object, ...]]], list[object]]
    calls_project_code: Callable[[], bool]
    locks_rows: bool
    # The template is the binders' parameters one after another, which is the common case.
    is_sequential: bool
    is_typed: bool
    trust: Trust
    keys: tuple[KeyList, ...] = ()
    compiles_project_code: bool = False

    def bind(
        self, values: Sequence[object], bounds: tuple[int | None, int | None] | None
    ) -> tuple[str, tuple[object, ...]]:
        """The SQL and the parameters of one run. Raises `UnfitValue` when the values need other SQL."""
        for guard in self.guards:
            if bool(values[guard.one] == values[guard.other]) is not guard.equal:
                raise UnfitValue
        if self.compiles_project_code:
            # At index `NO_VALUE`.
            values = (*values, None)
        bound = [binder.bind(values[binder.slot]) for binder in self.binders]
        if self.is_sequential:
            parameters = tuple([parameter for group in bound for parameter in group])
        else:
            parameters = tuple(self._filled(bound))
        for pair in self.parameter_guards:
            one, other = (bound[place.binder][place.position] for place in (pair.one, pair.other))
            if bool(one == other) is not pair.equal:
                raise UnfitValue
        sql = self.sql
        for keys in self.keys:
            count = len(bound[keys.parameters.binder]) - keys.parameters.start
            sql = sql.replace(keys.token, placeholders(count))
        if bounds is not None:
            sql = sql.replace(LIMITS, self.dialect.limits.sql(bounds))
        return sql, parameters

    def _filled(self, bound: Sequence[Sequence[object]]) -> Iterator[object]:
        for entry in self.template:
            if type(entry) is Parameter:
                yield bound[entry.binder][entry.position]
            elif type(entry) is KeyParameters:
                yield from bound[entry.binder][entry.start :]
            else:
                yield entry
