"""What Django builds around models works on PostgreSQL's native engine: content types, auth, sessions, its client.

Everything here runs inside `adj.native()`, on the event loop: a thread that asks the database would be found.
"""

from __future__ import annotations

import threading
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import aauthenticate, aget_user, alogin, alogout
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import AsyncClient, override_settings
from django.urls import path

import adj
from adj import q
from tests.diary.models import Entry, Writer
from tests.engines.diaries import diaries
from tests.engines.places import Place
from tests.running import run


@pytest.fixture(autouse=True)
def _around(native: Place) -> Iterator[None]:
    """The native engine; its tables are empty afterwards."""
    with diaries(native), override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        try:
            yield
        finally:
            ContentType.objects.clear_cache()
            for model in (User.user_permissions.through, User.groups.through, Group.permissions.through):
                native.execute(f"DELETE FROM {model._meta.db_table}")
            for model in (Group, User, Session):
                native.execute(f"DELETE FROM {model._meta.db_table}")


def run_natively(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run on the native engine, and fail if a thread was started, but for hashing a password, as Django does it."""
    started: list[str] = []
    start = threading.Thread.start

    def noted(thread: threading.Thread) -> None:
        if not thread.name.startswith("asyncio_") and "_do_shutdown" not in thread.name:
            started.append(thread.name)
        start(thread)

    async def main() -> None:
        async with adj.native("postgres"):
            await coroutine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", noted)
        run(main())
    assert started == []


def test_content_types_are_loaded_and_cached() -> None:
    async def main() -> None:
        ContentType.objects.clear_cache()
        found = await sync_to_async(ContentType.objects.get_for_model)(Entry)
        assert (found.app_label, found.model) == ("diary", "entry")
        assert await ContentType.objects.aget(app_label="diary", model="entry") == found
        writer = await Writer.objects.acreate(name="Anaïs")
        of_writers = await sync_to_async(ContentType.objects.get_for_model)(Writer)
        assert await sync_to_async(of_writers.get_object_for_this_type)(pk=writer.pk) == writer
        assert await q(ContentType).filter(app_label="diary").acount() == 4

    run_natively(main())


def test_users_are_made_and_let_in() -> None:
    async def main() -> None:
        user = await User.objects.acreate_user("anais", "anais@example.org", "a secret")
        assert user._state.db == "postgres"
        assert await aauthenticate(username="anais", password="a secret") == user
        assert await aauthenticate(username="anais", password="a guess") is None
        assert await User.objects.aget_by_natural_key("anais") == user
        assert await user.acheck_password("a secret")
        root = await User.objects.acreate_superuser("root", password="another")
        assert await root.ahas_perm("diary.add_entry")

    run_natively(main())


def test_permissions_are_checked() -> None:
    async def main() -> None:
        user = await User.objects.acreate_user("anais")
        kind = await sync_to_async(ContentType.objects.get_for_model)(Entry)
        permission = await q(Permission).aget(content_type=kind, codename="add_entry")
        assert not await user.ahas_perm("diary.add_entry")
        await user.user_permissions.aadd(permission)
        group = await Group.objects.acreate(name="writers")
        await group.permissions.aadd(await q(Permission).aget(content_type=kind, codename="view_entry"))
        await user.groups.aadd(group)
        user = await q(User).aget(pk=user.pk)
        assert await user.ahas_perm("diary.add_entry")
        assert await user.ahas_perms(["diary.add_entry", "diary.view_entry"])
        assert not await user.ahas_perm("diary.delete_entry")
        assert await user.ahas_module_perms("diary")
        assert await user.aget_group_permissions() == {"diary.view_entry"}
        assert await user.aget_all_permissions() == {"diary.add_entry", "diary.view_entry"}

    run_natively(main())


def test_sessions_are_stored_in_the_database() -> None:
    async def main() -> None:
        session = SessionStore()
        await session.aset("basket", [1, 2])
        await session.asave()
        again = SessionStore(session.session_key)
        assert await again.aget("basket") == [1, 2]
        assert await again.ahas_key("basket")
        await again.acycle_key()
        assert not await SessionStore().aexists(str(session.session_key))
        assert await q(Session).acount() == 1
        await again.aflush()
        assert await q(Session).acount() == 0

    run_natively(main())


def test_users_log_in_and_out() -> None:
    async def main() -> None:
        user = await User.objects.acreate_user("anais", password="a secret")
        request = HttpRequest()
        request.session = SessionStore()
        await alogin(request, user)
        assert await aget_user(request) == user
        assert (await q(User).aget(pk=user.pk)).last_login is not None
        await alogout(request)
        assert await aget_user(request) == AnonymousUser()

    run_natively(main())


# -- requests ----------------------------------------------------------------------------------------------------------


async def visits(request: HttpRequest) -> JsonResponse:
    """Count the visits of a session, and say who it is."""
    count = await request.session.aget("visits", 0) + 1
    await request.session.aset("visits", count)
    user = await request.auser()
    entries = await q(Entry).order_by("title").values_list("title", flat=True).run()
    return JsonResponse({"visits": count, "user": user.get_username(), "entries": entries})


async def write(request: HttpRequest) -> HttpResponse:
    """Write an entry, or fail after having done so."""
    async with adj.atomic("postgres"):
        writer, _ = await Writer.aobjects.aget_or_create(name="Anaïs")
        await adj.save(Entry(writer=writer, title=request.POST["title"]))
        if "fail" in request.POST:
            raise ValueError
    return HttpResponse(status=201)


urlpatterns = [path("visits", visits), path("write", write)]

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]


@pytest.fixture
def _site() -> Iterator[None]:
    """A site with the views of this file, sessions and users."""
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=MIDDLEWARE, ALLOWED_HOSTS=["testserver"]):
        yield


@pytest.mark.usefixtures("_site")
def test_djangos_asynchronous_client_makes_requests() -> None:
    async def main() -> None:
        client = AsyncClient()
        user = await User.objects.acreate_user("anais", password="a secret")
        assert (await client.get("/visits")).json() == {"visits": 1, "user": "", "entries": []}
        await client.aforce_login(user)
        assert (await client.post("/write", {"title": "Rain"})).status_code == 201
        with pytest.raises(ValueError, match=r"^$"):
            await client.post("/write", {"title": "Sun", "fail": "1"})
        assert (await client.get("/visits")).json() == {"visits": 2, "user": "anais", "entries": ["Rain"]}
        assert await client.alogin(username="anais", password="a secret")
        await client.alogout()
        assert (await client.get("/visits")).json()["user"] == ""

    run_natively(main())
