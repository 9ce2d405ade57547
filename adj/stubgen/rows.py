"""The text of a model's row class: its attributes with their types, and the documentation of its fields."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from adj.stubgen.fields import NamedField, fields_of
from adj.stubgen.project import ModelClass, Project, app_alias, is_usable, reference
from adj.stubgen.types import BUILTINS, annotations_of, column_type, is_file, operand_name, optional

_BUILTIN = re.compile(rf"\b({'|'.join(sorted(BUILTINS))})\b")


def row_class(project: Project, model: ModelClass) -> list[str]:
    """Return the row class, and the class of rows with annotations.

    What the project declares itself, and fields whose type only its sources tell, are left to the model's class.
    """
    name = model.__name__
    declared = annotations_of(model)
    attributes = {attribute: lines for attribute, lines in _attributes(project, model) if attribute not in declared}
    hidden = BUILTINS & {*attributes}
    body = [_unhidden(line, hidden) for lines in attributes.values() for line in lines]
    return [
        f"class {name}Row({reference(model)}):",
        *(f"    {line}" for line in body or ["..."]),
        "",
        f"class {name}AnnotatedRow({name}Row):",
        "    def __getattr__(self, name: str, /) -> Any: ...",
        "",
    ]


def _unhidden(line: str, hidden: frozenset[str]) -> str:
    """Return a line in which types are not hidden by attributes of the same name: a field may be called `bytes`."""
    if not hidden or not re.match(r"\w+: |def ", line):
        return line
    start = line.index(":") if not line.startswith("def ") else line.index("->")
    return line[:start] + _BUILTIN.sub(lambda found: _qualified(found[1], hidden), line[start:])


def _qualified(name: str, hidden: frozenset[str]) -> str:
    return f"builtins_.{name}" if name in hidden else name


def _attributes(project: Project, model: ModelClass) -> Iterator[tuple[str, list[str]]]:
    key = column_type(model._meta.pk)
    if key is not None:
        yield "pk", [f"pk: Attribute[{key}, Any]"]
    for each in fields_of(model):
        if not is_usable(each.attribute):
            continue
        if each.related is not None:
            yield from _relation(project, model, each)
        elif each.field.concrete:
            yield from _column(each)


def _column(each: NamedField) -> Iterator[tuple[str, list[str]]]:
    field = each.field
    value = None if is_file(field) else column_type(field)
    if value is not None:
        yield each.name, [_stored(each.name, field, value), *_documentation(field)]
    if field.choices:
        method = f"get_{each.name}_display"
        yield method, [f"def {method}(self) -> str: ..."]


def _stored(name: str, field: Any, value: str) -> str:
    """The attribute of a column; what can be assigned to it is what a lookup accepts."""
    operand = operand_name(field)
    written = "Any" if operand is None else optional(f"{operand}Value", field.null)
    return f"{name}: Attribute[{optional(value, field.null)}, {written}]"


def _relation(project: Project, model: ModelClass, each: NamedField) -> Iterator[tuple[str, list[str]]]:
    field, target = each.field, reference(each.related)
    if (attname := each.column_attribute) is not None and (value := column_type(field)) is not None:
        yield attname, [_stored(attname, field, value)]
    documentation = [] if each.is_reverse else _documentation(field)
    if each.is_to_many:
        manager = f"ManyRelatedManager[{target}, Any]" if field.many_to_many else f"RelatedManager[{target}]"
        yield each.attribute, [f"{each.attribute}: {manager}", *documentation]
        return
    # Reading a relation to one row from the other side raises an error if there is none.
    is_nullable = each.is_nullable and not each.is_reverse
    row = optional(row_reference(project, model, each.related), is_nullable)
    yield each.attribute, [f"{each.attribute}: Attribute[{row}, {optional(target, is_nullable)}]", *documentation]


def row_reference(project: Project, at: ModelClass, model: Any) -> str:
    """Return a model's row class, as it is named in the module of another model."""
    if not project.has(model):
        return reference(model)
    label = model._meta.app_label
    name = f"{model.__name__}Row"
    return name if label == at._meta.app_label else f"{app_alias(label)}.{name}"


def _documentation(field: Any) -> list[str]:
    """Return what the field says about itself: its help text, or a name that is not just its attribute's."""
    verbose = str(field.verbose_name or "")
    plain = verbose.lower() == field.name.replace("_", " ").lower()
    text = str(field.help_text or "") or ("" if plain else verbose)
    # `repr()` escapes whatever the text contains.
    return [repr(" ".join(text.split()))] if text.strip() else []
