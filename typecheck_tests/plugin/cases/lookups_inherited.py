"""Rows of models with a common parent as values: a lookup compares keys, an assignment checks the class."""

from __future__ import annotations

import adj
from adj import q
from typecheck_tests.plugin.library.models import Film, LongFilm, Medium, Recording, Release


async def conditions(film: Film, long: LongFilm, medium: Medium, other: Recording, either: Film | Recording) -> None:
    q(Release).filter(film=film).filter(film=long).filter(film=medium).filter(film__in=[film, medium])
    q(Release).filter(film=other)  # E: Release: "film" expects "Film | int", got "Recording"  [adj-value]
    q(Release).filter(film=either)  # E: Release: "film" expects "Film | int", got "Film | Recording"  [adj-value]
    q(Release).exclude(film__in=[other])
    # E: Release: "film__in" expects items of "Film | int", got "Recording"  [adj-value]
    await q(Release).aget(film=await q(Recording).aget())  # E: Release: "film" expects "Film | int", got "Recording...
    q(Film).filter(pk=other, medium_ptr=other)
    q(Film).filter(medium_ptr=medium, pk=film)


async def assignments(film: Film, long: LongFilm, medium: Medium, other: Recording) -> None:
    await q(Release).acreate(number=1, film=film)
    await q(Release).acreate(number=1, film=long)
    await q(Release).acreate(number=1, film=medium)  # E: "Release.film" expects "Film", got "Medium"  [adj-value]
    await q(Release).aupdate(film=other)  # E: "Release.film" expects "Film | int", got "Recording"  [adj-value]
    await q(Release).aget_or_create(number=1, defaults={"film": medium})
    # E: "Release.film" expects "Film", got "Medium"  [adj-value]
    await q(Release).aupdate(film=3)


async def rows_of_a_relation(film: Film, medium: Medium, release: Release) -> None:
    await adj.related(film.shelf, "media").aadd(film, medium)
    await adj.related(film, "releases").aadd(medium)  # E: aadd() expects "Release | int", got "Medium"  [adj-value]
    await adj.related(film, "releases").aset([release])
