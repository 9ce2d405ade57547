"""SQLAlchemy's asyncio extension over aiosqlite; a peer, for scale. Each task opens a session, as a request would."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import JSON, Boolean, DateTime, ForeignKey, Integer, Numeric, Select, String, func, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, joinedload, mapped_column, relationship, selectinload

from benchmarks.contenders.contender import AsyncContender, Rows
from benchmarks.tasks import COLUMNS, CONCURRENT, JOINED, MANY, PAGE, PREFETCHED, author, key, pages


class Base(DeclarativeBase):
    """The registry of the classes below."""


class Country(Base):
    """The table `country`."""

    __tablename__ = "country"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(50))


class Author(Base):
    """The table `author`."""

    __tablename__ = "author"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(50))
    country_id: Mapped[int] = mapped_column(ForeignKey("country.id"))
    country = relationship(Country)


class Tag(Base):
    """The table `tag`."""

    __tablename__ = "tag"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(50))


class BookTag(Base):
    """The table `book_tag`."""

    __tablename__ = "book_tag"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    book_id: Mapped[int] = mapped_column(ForeignKey("book.id"))
    tag_id: Mapped[int] = mapped_column(ForeignKey("tag.id"))


class Book(Base):
    """The table `book`."""

    __tablename__ = "book"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    pages: Mapped[int] = mapped_column(Integer)
    in_print: Mapped[bool] = mapped_column(Boolean)
    published = mapped_column(DateTime)
    price = mapped_column(Numeric(6, 2))
    details = mapped_column(JSON)
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    author = relationship(Author)
    tags = relationship(Tag, secondary="book_tag", viewonly=True)


SOME = [getattr(Book, name) for name in COLUMNS]


class SQLAlchemyAsync(AsyncContender):
    """`session.scalars(select(Book))`."""

    name = "SQLAlchemy"

    async def open(self, database: Path) -> None:
        """Make the engine, with a pool for the concurrent task."""
        self._engine = create_async_engine(f"sqlite+aiosqlite:///{database}", pool_size=8, max_overflow=0)
        self._session = async_sessionmaker(self._engine)

    async def close(self) -> None:
        """Close the pool."""
        await self._engine.dispose()

    async def one(self, number: int) -> object:
        """One book by its key."""
        async with self._session() as session:
            return await session.get_one(Book, key(number))

    async def instances(self, number: int) -> Rows:
        """Many books with all their columns."""
        return await self._instances(select(Book).where(Book.id > number).order_by(Book.id).limit(MANY))

    async def dicts(self, number: int) -> Rows:
        """Many dicts."""
        async with self._session() as session:
            rows = await session.execute(select(*SOME).where(Book.id > number).order_by(Book.id).limit(MANY))
            return [dict(row) for row in rows.mappings()]

    async def tuples(self, number: int) -> Rows:
        """Many tuples."""
        async with self._session() as session:
            rows = await session.execute(select(*SOME).where(Book.id > number).order_by(Book.id).limit(MANY))
            return list(rows.all())

    async def page(self, number: int) -> Rows:
        """The newest books that fulfil three conditions."""
        books = select(Book).join(Author).where(Book.pages > pages(number), Book.in_print.is_(True))
        named = books.where(Author.name.startswith("Author 1"))
        return await self._instances(named.order_by(Book.published.desc()).limit(PAGE))

    async def related(self, number: int) -> Rows:
        """Books with their authors and their countries."""
        authors = joinedload(Book.author, innerjoin=True).joinedload(Author.country, innerjoin=True)
        books = select(Book).options(authors).where(Book.id > number)
        return await self._instances(books.order_by(Book.id).limit(JOINED))

    async def prefetched(self, number: int) -> Rows:
        """Books, and the tags of each."""
        books = select(Book).options(selectinload(Book.tags)).where(Book.id > number)
        return await self._instances(books.order_by(Book.id).limit(PREFETCHED))

    async def count(self, number: int) -> int:
        """How many books are long."""
        async with self._session() as session:
            total: int = await session.scalar(select(func.count()).select_from(Book).where(Book.pages > pages(number)))
            return total

    async def concurrent(self, number: int) -> Rows:
        """The books of many authors, all asked for at once."""
        authors = range(number, number + CONCURRENT)
        queries = [select(Book).where(Book.author_id == author(one)) for one in authors]
        return await asyncio.gather(*(self._instances(query) for query in queries))

    async def _instances(self, query: Select[tuple[Book]]) -> Rows:
        async with self._session() as session:
            return list((await session.scalars(query)).all())
