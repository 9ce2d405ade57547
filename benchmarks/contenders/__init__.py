"""The contenders: each file runs the tasks with one library."""

from __future__ import annotations

from importlib.util import find_spec

from benchmarks.contenders.adj_threads import AdjThreads
from benchmarks.contenders.contender import Contender
from benchmarks.contenders.django_async import DjangoAsync
from benchmarks.contenders.django_sync import DjangoSync
from benchmarks.contenders.driver import Driver


def contenders(*, with_peers: bool) -> list[Contender]:
    """Django's async ORM, which all are measured against, then the others; peers as far as they are installed."""
    found: list[Contender] = [DjangoAsync(), AdjThreads(), DjangoSync(), Driver()]
    if with_peers and _are_there("sqlalchemy", "aiosqlite"):
        from benchmarks.contenders.sqlalchemy_async import SQLAlchemyAsync  # only where it is installed

        found.append(SQLAlchemyAsync())
    if with_peers and _are_there("tortoise"):
        from benchmarks.contenders.tortoise_orm import TortoiseORM  # only where it is installed

        found.append(TortoiseORM())
    return found


def _are_there(*packages: str) -> bool:
    return all(find_spec(package) is not None for package in packages)
