"""Finds the columns of a row class among the fields and annotations of a query, and checks their types."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Field, Model
from django.utils.module_loading import import_string

from adj.errors import QueryError, RowTypeMismatch, UnknownField
from adj.schema.annotations import accepts, annotation_text, members
from adj.schema.field_types import field_type
from adj.schema.operands import key_field
from adj.schema.paths import ResolvedPath, ends_in_lookup, resolve
from adj.schema.row_types import KINDS, UNKNOWN, RowField, RowType, row_type
from adj.statement.row_class import Argument, ClassRow, ClassRows, Form
from adj.suggestions import nearest


class NoRowClass(Exception):
    """A class cannot be used for rows: the reason and the advice for a `ShapeError`."""

    def __init__(self, reason: str, advice: str) -> None:
        self.reason, self.advice = reason, advice
        super().__init__(reason)


def class_rows(
    model: type[Model], row_class: object, paths: Mapping[str, str], computed: Mapping[str, object]
) -> ClassRows:
    """The rows of a class, from a model's columns and a query's `computed` names with their expressions.

    `paths` are those of fields whose name is not their path. Raises `NoRowClass`, `UnknownField`, `UnknownLookup` or
    `RowTypeMismatch`.
    """
    described = row_type(row_class)
    if described is None:
        raise _unusable(row_class)
    _check_paths(described, paths)
    chooser = _Chooser(model, computed)
    row = chooser.row(described, model, "", paths, ())
    if not chooser.columns:
        raise NoRowClass(f"{_name(described)} has no field that is a column.", "Give it fields named after columns.")
    return ClassRows(tuple(chooser.columns), row)


def _unusable(row_class: Any) -> NoRowClass:
    if isinstance(row_class, type) and issubclass(row_class, Model):
        return NoRowClass(
            f"into() got the model {row_class.__name__}.", f"Leave into() out for instances; it expects {KINDS}."
        )
    got = row_class.__name__ if isinstance(row_class, type) else annotation_text(row_class)
    return NoRowClass(f"into() expects {KINDS}; got {got}.", "Pass the class itself.")


def _check_paths(described: RowType, paths: Mapping[str, str]) -> None:
    names = [each.name for each in described.fields]
    for name, path in paths.items():
        if name not in names:
            raise UnknownField(model=_name(described), path=name, part=name, choices=names)
        if not isinstance(path, str):
            raise NoRowClass(
                f"into() expects a path for {_name(described)}.{name}; got {type(path).__name__}.",
                f"Pass the name of a column or an annotation, or add annotate({name}=...) before into().",
            )


def _name(described: RowType) -> str:
    return described.row_class.__name__


@dataclass(slots=True)
class _Chooser:
    """Collects the columns of a class and of the classes of its relations."""

    model: type[Model]
    computed: Mapping[str, object]
    columns: dict[str, int] = field(default_factory=dict)

    def row(
        self,
        described: RowType,
        model: type[Model],
        prefix: str,
        paths: Mapping[str, str],
        holders: tuple[RowType, ...],
        *,
        may_be_absent: bool = False,
    ) -> ClassRow:
        """The row of a class whose fields are columns of `model`, at the end of the path `prefix`."""
        if any(holder is described for holder in holders):
            raise NoRowClass(
                f"{_name(described)} contains itself.", "Use a class without this relation for the inner row."
            )
        arguments: list[Argument] = []
        absent_if_null, runs_code, form = None, described.runs_project_code, described.form
        positional = list(described.positional)
        for each in described.fields:
            member = self._member(described, each, model, prefix, paths, holders)
            if member is None:
                # A tuple needs all its members; the class knows their defaults.
                form = Form.CALL if form is Form.TUPLE else form
                continue
            value, is_certain = member
            is_next = bool(positional) and positional[0] == each.keyword
            # After an argument that is left out, the others need their names.
            positional = positional[1:] if is_next else []
            arguments.append(Argument(str.__str__(each.keyword), value, is_next))
            if isinstance(value, ClassRow):
                runs_code = runs_code or value.runs_project_code
            elif is_certain and absent_if_null is None:
                absent_if_null = value
        if may_be_absent and absent_if_null is None:
            raise NoRowClass(
                f"All columns of {_name(described)} can be NULL, so it cannot tell whether the "
                f"{model.__name__} is missing.",
                'Add a field for a column that cannot be NULL, such as "pk".',
            )
        return ClassRow(
            described.row_class,
            form,
            tuple(arguments),
            absent_if_null if may_be_absent else None,
            runs_code,
        )

    def _member(
        self,
        described: RowType,
        each: RowField,
        model: type[Model],
        prefix: str,
        paths: Mapping[str, str],
        holders: tuple[RowType, ...],
    ) -> tuple[int | ClassRow, bool] | None:
        """The value of a field, and whether it is NULL only if its relation has no row.

        None if the field is left to its default.
        """
        path = paths.get(each.name, each.name)
        if not prefix and self._is_computed(path):
            self._check_computed(described, each, path)
            return self._column(path), False
        try:
            resolved = resolve(model, path)
        except QueryError as error:
            if not each.is_required and each.name not in paths:
                return None
            raise self._unknown(described, each, error, is_own=not prefix) from None
        has_default = not each.is_required and each.name not in paths
        if has_default and (resolved.is_to_many or not _is_column(resolved)):
            return None
        if not _is_column(resolved):
            raise NoRowClass(f"{_name(described)}.{each.name}: {_source(resolved)} is not a column.", "")
        if resolved.field.is_relation and not resolved.transforms:
            inner = self._relation(described, each, resolved, prefix, holders)
            if inner is not None:
                return inner, False
        self._check_column(described, each, resolved)
        return self._column(f"{prefix}{path}"), not resolved.is_nullable and _is_own_column(resolved)

    def _column(self, path: str) -> int:
        return self.columns.setdefault(str.__str__(path), len(self.columns))

    def _is_computed(self, path: str) -> bool:
        """Whether a path begins with an annotation, or another name of the query."""
        names = path.split("__")
        return any("__".join(names[:end]) in self.computed for end in range(1, len(names) + 1))

    def _unknown(self, described: RowType, each: RowField, error: QueryError, *, is_own: bool) -> QueryError:
        if not isinstance(error, UnknownField):
            return error
        choices = (
            (*error.choices, *self.computed) if is_own and error.part == error.path.split("__")[0] else error.choices
        )
        within = f' (in "{error.path}")' if error.path != error.part else ""
        return UnknownField(
            model=error.model,
            path=error.path,
            part=error.part,
            choices=choices,
            problem=f'{_name(described)}.{each.name}: {error.model} has no field "{error.part}"{within}'
            f"{nearest(error.part, sorted(choices))}",
        )

    # -- relations -----------------------------------------------------------------------------------------------------

    def _relation(
        self, described: RowType, each: RowField, resolved: ResolvedPath, prefix: str, holders: tuple[RowType, ...]
    ) -> ClassRow | None:
        """The row of a relation, if the field is annotated with a row class."""
        if each.annotation is UNKNOWN:
            raise NoRowClass(
                f"The annotation of {_name(described)}.{each.name} cannot be evaluated.",
                "Define or import its names at the top of the module, and not only for type checkers.",
            )
        inner = next((known for member in members(each.annotation) if (known := row_type(member)) is not None), None)
        related = resolved.field.related_model
        if inner is None or related is None:
            return None
        source = _source(resolved)
        if resolved.is_to_many:
            raise NoRowClass(
                f"{_name(described)}.{each.name} cannot be a {_name(inner)}: {source} leads to several rows.",
                "Query them on their own.",
            )
        if resolved.is_nullable and not accepts(each.annotation, types.NoneType):
            raise _mismatch(described, each, source, "None")
        return self.row(
            inner,
            related,
            f"{prefix}{resolved.path}__",
            {},
            (*holders, described),
            may_be_absent=resolved.is_nullable,
        )

    # -- types ---------------------------------------------------------------------------------------------------------

    def _check_column(self, described: RowType, each: RowField, resolved: ResolvedPath) -> None:
        source = _source(resolved)
        output: object = resolved.output
        if resolved.field.is_relation and not resolved.transforms:
            output = key_field(resolved)
        _check_type(described, each, source, output)
        if resolved.is_nullable and not each.is_converted and not _accepts(described, each, types.NoneType):
            raise _mismatch(described, each, source, "None")

    def _check_computed(self, described: RowType, each: RowField, path: str) -> None:
        expression = self.computed.get(path)
        if type(expression).__module__.startswith("django."):
            try:
                # Any: what an expression may be has no common type.
                computed: Any = expression
                output: object = computed.output_field
            # Django cannot tell the type of some expressions.
            except Exception:  # noqa: BLE001
                return
            _check_type(described, each, f'the annotation "{path}"', output)


def _is_column(resolved: ResolvedPath) -> bool:
    """Whether a path names a column or a relation, and not a lookup or a generic foreign key."""
    return not ends_in_lookup(resolved.path, resolved.lookup) and not hasattr(resolved.field, "ct_field")


def _is_own_column(resolved: ResolvedPath) -> bool:
    """Whether a path names a column of the model's own table."""
    is_column: bool = resolved.field.concrete and not resolved.transforms and "__" not in resolved.path
    return is_column and getattr(resolved.field, "column", None) is not None


def _source(resolved: ResolvedPath) -> str:
    return f'"{resolved.path}" of {resolved.model.__name__}'


def _check_type(described: RowType, each: RowField, source: str, output: object) -> None:
    """Raise `RowTypeMismatch` if the values of a field have another type than the annotation."""
    value_type = _value_type(output)
    if value_type is not None and not each.is_converted and not _accepts(described, each, value_type):
        raise _mismatch(described, each, source, value_type.__name__)


def _value_type(output: object) -> type | None:
    """The type of a field's values, if the table has it; fields of the project may convert theirs."""
    output_class = type(output)
    if not isinstance(output, Field) or not output_class.__module__.startswith("django."):
        return None
    known = field_type(output_class)
    if known is None or known.value is None:
        return None
    value_type: type = import_string(known.value)
    return value_type


def _accepts(described: RowType, each: RowField, value_type: type) -> bool:
    return each.annotation is UNKNOWN or accepts(each.annotation, value_type, is_lax=described.is_lax)


def _mismatch(described: RowType, each: RowField, source: str, got: str) -> RowTypeMismatch:
    return RowTypeMismatch(
        row_type=_name(described), field=each.name, annotation=annotation_text(each.annotation), source=source, got=got
    )
