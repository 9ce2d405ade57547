"""Other operands of the same shape: what makes a plan that another query has to fill with its own values.

Which of them Django takes is not known beforehand; a variation that it refuses is left out for a more careful one.
"""

from __future__ import annotations

import copy
import datetime
import decimal
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Expression, F, Model, Q, QuerySet, Value, When
from django.db.models.lookups import Lookup

from tests.shadow.recording import Again, Record, Step, record_of, replayed

_CONDITIONS = frozenset({"filter", "exclude", "complex_filter", "get", "update"})
"""Methods whose operands are values; those of the others are names, and expressions."""


@dataclass(frozen=True, slots=True)
class Variation:
    """How operands are changed: by how much, and which of them."""

    amount: int
    texts: bool = True
    arguments: bool = True
    """Whether numbers among the arguments of functions are changed."""

    def steps(self, record: Record) -> tuple[Step, ...]:
        """The query methods of a chain with other operands."""
        return tuple(map(self.step, record.steps))

    def step(self, step: Step) -> Step:
        """A step with other operands."""
        if step.name == "__getitem__":
            return replace(step, args=(self._slice(step.args[0]),))
        if step.name == "extra":
            kwargs = {name: self.value(value) if "params" in name else value for name, value in step.kwargs.items()}
            return replace(step, kwargs=kwargs)
        change = self.value if step.name in _CONDITIONS else self.node
        return replace(
            step,
            args=tuple(map(self._condition if step.name in _CONDITIONS else self.node, step.args)),
            kwargs={name: change(value) for name, value in step.kwargs.items()},
        )

    def queryset(self, queryset: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        """A QuerySet with other operands, or the same one if its chain is not known."""
        record = record_of(queryset)
        return queryset if record is None else replayed(record.root, self.steps(record))

    def _slice(self, given: Any) -> Any:
        if not isinstance(given, slice):
            return given
        return slice(*[bound + self.amount if bound else bound for bound in (given.start, given.stop)])

    def _condition(self, condition: Any) -> Any:
        """An argument of `filter()`: a Q, a pair, a dict of `complex_filter()` or an expression."""
        if isinstance(condition, tuple) and len(condition) == 2 and isinstance(condition[0], str):
            return condition[0], self.value(condition[1])
        if isinstance(condition, dict):
            return {path: self.value(value) for path, value in condition.items()}
        return self.node(condition)

    # -- values --------------------------------------------------------------------------------------------------------

    def value(self, value: Any) -> Any:
        """Another value of the same kind; the same one where its kind is not known."""
        change = _CHANGES.get(type(value))
        if change is not None:
            return change(self, value)
        if isinstance(value, Model):
            return self._instance(value)
        return self.node(value)

    def text(self, value: str) -> str:
        """Another text; of digits, if it is one of digits."""
        if not self.texts:
            return value
        return value + ("1" if value.isdigit() else "x") * self.amount

    def collection(self, value: Any) -> Any:
        """Other members, as many as before."""
        return type(value)([self.value(member) for member in value])

    def _instance(self, instance: Model) -> Any:
        changed: Any = copy.copy(instance)
        columns = {field.attname for field in instance._meta.concrete_fields}
        for name in columns & instance.__dict__.keys():
            changed.__dict__[name] = self.value(instance.__dict__[name])
        return changed

    # -- expressions ---------------------------------------------------------------------------------------------------

    def node(self, node: Any) -> Any:
        """An expression made of other values; what is none, as a name, stays."""
        if isinstance(node, QuerySet):
            return self.queryset(node)
        if isinstance(node, Q):
            children: list[Any] = [self._condition(child) for child in node.children]
            return type(node).create(children=children, connector=node.connector, negated=node.negated)
        if isinstance(node, (list, tuple)) and type(node) in (list, tuple):
            return type(node)(map(self.node, node))
        given = getattr(node, "_constructor_args", None)
        if given is None or isinstance(node, F) or not isinstance(node, Expression):
            return node
        args, kwargs = given
        has_values = isinstance(node, (Value, Lookup))
        argument = self.value if has_values else self._argument
        named = self.value if isinstance(node, When) else argument
        return type(node)(*map(argument, args), **{key: named(value) for key, value in kwargs.items()})

    def _argument(self, argument: Any) -> Any:
        """An argument of a function: a text is the name of a column there."""
        if type(argument) is int and self.arguments:
            return argument + self.amount
        return self.node(argument)


def variations(amount: int) -> list[Variation]:
    """From the boldest to the most careful."""
    bold = Variation(amount)
    return [bold, replace(bold, arguments=False), replace(bold, texts=False, arguments=False)]


def _later(variation: Variation, value: datetime.time) -> datetime.time:
    return value.replace(microsecond=(value.microsecond + variation.amount) % 1_000_000)


def _mapped(variation: Variation, value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: variation.value(member) for key, member in value.items()}


def _increased(variation: Variation, value: Any) -> Any:
    return value + variation.amount


_CHANGES: dict[type, Callable[[Variation, Any], Any]] = {
    str: Variation.text,
    int: _increased,
    float: _increased,
    decimal.Decimal: _increased,
    bytes: lambda variation, value: value + b"x" * variation.amount,
    datetime.date: lambda variation, value: value + datetime.timedelta(days=variation.amount),
    datetime.datetime: lambda variation, value: value + datetime.timedelta(days=variation.amount),
    datetime.timedelta: lambda variation, value: value + datetime.timedelta(seconds=variation.amount),
    datetime.time: _later,
    uuid.UUID: lambda variation, value: uuid.UUID(int=(value.int + variation.amount) % 2**128),
    dict: _mapped,
    list: Variation.collection,
    tuple: Variation.collection,
    set: Variation.collection,
    frozenset: Variation.collection,
    range: lambda variation, value: range(value.start + variation.amount, value.stop + variation.amount, value.step),
    Again: lambda variation, value: Again(iter([variation.value(member) for member in value])),
}
