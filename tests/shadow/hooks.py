"""The hooks in Django's QuerySets and managers: steps of chains are recorded, evaluations are asked of adj as well."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from django.db.models import QuerySet
from django.db.models.manager import BaseManager

from tests.shadow.asking import Asked, Ending, ask
from tests.shadow.attention import attentive_again, in_the_shadow, is_attentive, looking_away
from tests.shadow.comparing import compare
from tests.shadow.observing import Seen, observed, undone, unseen
from tests.shadow.recording import Record, State, Step, keep, record_of
from tests.shadow.tally import TALLY

# The hooks count as methods of Django: adj looks at the module in a function's globals (adj/djangos.py), and would give
# every query to Django if its classes had other methods.
__name__ = "django.shadow_hooks"

Method = Callable[..., Any]

_STEPS = (
    *("all", "filter", "exclude", "complex_filter", "annotate", "alias", "order_by", "reverse", "distinct", "values"),
    *("values_list", "dates", "datetimes", "only", "defer", "select_related", "prefetch_related"),
    *("select_for_update", "extra", "none", "using", "union", "intersection", "difference", "fetch_mode"),
    *("__and__", "__or__", "__xor__", "__getitem__"),
)
_ENDINGS = ("count", "exists", "aggregate", "get", "first", "last", "earliest", "latest", "update", "delete")

_KNOWN_OF_ROWS = {"count", "exists", "first", "last"}
"""The endings that look at the rows of a QuerySet, where it has them."""


def install() -> None:
    """Put the hooks in place, in the classes that are there and in those to come."""
    _hook_all(QuerySet, _hook_queryset)
    _hook_all(BaseManager, _hook_manager)


def _hook_all(base: Any, hook: Callable[[Any], None]) -> None:
    def hook_subclass(kind: type[Any], /, **options: Any) -> None:
        before(**options)
        hook(kind)

    before = base.__init_subclass__
    classes = [base]
    for kind in classes:
        hook(kind)
        classes.extend(kind.__subclasses__())
    base.__init_subclass__ = classmethod(hook_subclass)


def _hook_queryset(kind: Any) -> None:
    own = vars(kind)
    for names, hooked in (
        (_STEPS, _recorded),
        (_ENDINGS, _asked),
        (("iterator",), _iterated),
        (("_fetch_all",), _fetched),
        (("_prefetch_related_objects",), _prefetched),
    ):
        for name in names:
            if callable(method := own.get(name)):
                setattr(kind, name, hooked(name, method))


def _hook_manager(kind: Any) -> None:
    if callable(method := vars(kind).get("get_queryset")):
        kind.get_queryset = _begun(method)


# -- chains ------------------------------------------------------------------------------------------------------------


def _recorded(name: str, method: Method) -> Method:
    @functools.wraps(method)
    def taken(queryset: Any, *args: Any, **kwargs: Any) -> Any:
        if not is_attentive():
            return method(queryset, *args, **kwargs)
        if name == "__getitem__" and not isinstance(args[0], slice):
            if queryset._result_cache is not None:
                return method(queryset, *args)
            return _watched(queryset, Ending("item", args), lambda: method(queryset, *args))
        step = Step.of(name, args, kwargs)
        state = State.of(queryset)
        record = record_of(queryset) or Record(_kept(queryset), state)
        with nullcontext() if name == "__getitem__" else looking_away():
            result = step.call(functools.partial(method, queryset))
        if isinstance(result, QuerySet):
            with in_the_shadow():
                keep(result, record.extended(step, state, result))
        return result

    return taken


def _kept(queryset: Any) -> Any:
    """A QuerySet as it is now; a copy where its steps change itself, as newer versions of Django may have it."""
    return queryset if getattr(queryset, "_cloning_enabled", True) else queryset._clone()


def _begun(method: Method) -> Method:
    @functools.wraps(method)
    def begun(manager: Any, *args: Any, **kwargs: Any) -> Any:
        if not is_attentive() or type(manager).get_queryset is not begun:
            return method(manager, *args, **kwargs)
        with looking_away():
            queryset = method(manager, *args, **kwargs)
        if isinstance(queryset, QuerySet) and queryset._result_cache is None:
            keep(queryset, Record(manager, State.of(queryset)))
        return queryset

    return begun


# -- evaluations -------------------------------------------------------------------------------------------------------


def _asked(name: str, method: Method) -> Method:
    @functools.wraps(method)
    def asked(queryset: Any, *args: Any, **kwargs: Any) -> Any:
        is_known = name in _KNOWN_OF_ROWS and queryset._result_cache is not None
        if not is_attentive() or is_known:
            return method(queryset, *args, **kwargs)
        return _watched(queryset, Ending(name, args, kwargs), lambda: method(queryset, *args, **kwargs))

    return asked


def _fetched(name: str, method: Method) -> Method:
    @functools.wraps(method)
    def fetched(queryset: Any) -> None:
        if not is_attentive() or queryset._result_cache is not None:
            method(queryset)
            return
        # First the rows, which are compared, and then what is prefetched into them.
        lookups, queryset._prefetch_related_lookups = queryset._prefetch_related_lookups, ()
        try:
            _watched(queryset, Ending("rows"), lambda: (method(queryset), queryset._result_cache)[1])
        finally:
            queryset._prefetch_related_lookups = lookups
        method(queryset)

    return fetched


def _prefetched(name: str, method: Method) -> Method:
    @functools.wraps(method)
    def prefetched(queryset: Any) -> None:
        with attentive_again(), observed():
            method(queryset)

    return prefetched


def _iterated(name: str, method: Method) -> Method:
    @functools.wraps(method)
    def iterated(queryset: Any, *args: Any, **kwargs: Any) -> Any:
        rows = method(queryset, *args, **kwargs)
        return _asked_at_first_row(queryset, rows) if is_attentive() else rows

    return iterated


def _asked_at_first_row(queryset: Any, rows: Any) -> Iterator[Any]:
    """An iteration whose rows may go astray before they can be compared: they are fetched once more."""
    with _forgiving(), in_the_shadow(), unseen(queryset.db) as connection:
        copied = queryset._chain()
        copied._prefetch_related_lookups = ()
        asked = ask(queryset, Ending("rows"))
        # Within the connection's own list of wrappers, which is another one for now.
        with undone(connection), observed() as seen:
            _end(seen, lambda: list(copied))
        compare(copied, Ending("rows"), asked, seen)
    yield from rows


def _watched(queryset: Any, ending: Ending, run: Callable[[], Any]) -> Any:
    """Let Django evaluate a QuerySet, after adj was asked the same, and compare."""
    asked: list[Asked] = []
    with _forgiving(), in_the_shadow():
        asked = ask(queryset, ending)
    # Deleting asks for related rows, which are questions of their own.
    aside = nullcontext() if ending.name == "delete" else looking_away()
    with observed() as seen, aside:
        _end(seen, run)
    with _forgiving(), in_the_shadow():
        compare(queryset, ending, asked, seen)
    if seen.error is not None:
        raise seen.error
    return seen.answer


def _end(seen: Seen, run: Callable[[], Any]) -> None:
    try:
        seen.answer = run()
    except Exception as error:  # noqa: BLE001  # the test is given it when it was compared
        seen.error = error


@contextmanager
def _forgiving() -> Generator[None]:
    """A block in which the harness may fail, which is told at the end, without failing the test."""
    try:
        yield
    except Exception:  # noqa: BLE001  # whatever it is, the run ends with an error for it
        TALLY.broken.setdefault(TALLY.test, traceback.format_exc())
