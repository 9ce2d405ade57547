"""Further row classes of `into()`, each for one question."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class AuthorLength:
    author__name: str
    length: int


@dataclass
class AuthorName:
    author__name: str


@dataclass
class Detail:
    summary: str
    printings: int


@dataclass
class BookWithDetail:
    pk: int
    detail: Detail | None


@dataclass
class Tree:
    name: str
    parent: Tree | None
