"""A small Django site, the same for both instrumentations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import django
from django.conf import settings
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.urls import path, re_path

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from django.http import HttpRequest


def set_up() -> None:
    """Configure Django, in a process of its own."""
    settings.configure(
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        SECRET_KEY="only-for-tests",
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
        LOGGING_CONFIG=None,
    )
    django.setup()


def year(request: HttpRequest, year: int) -> HttpResponse:
    return HttpResponse("minutes", headers={"X-Page": "3", "Set-Cookie": "session=planted"})


async def town(request: HttpRequest, name: str) -> HttpResponse:
    return HttpResponse(name)


async def rows(request: HttpRequest) -> StreamingHttpResponse:
    async def each() -> AsyncIterator[bytes]:
        for number in range(3):
            yield b"%d\n" % number

    return StreamingHttpResponse(each())


def missing(request: HttpRequest) -> HttpResponse:
    raise Http404("no such page")


def broken(request: HttpRequest) -> HttpResponse:
    raise LookupError("minutes are lost")


def unavailable(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=503)


urlpatterns: list[Any] = [
    path("years/<int:year>/", year),
    re_path(r"^towns/(?P<name>[a-z]+)/$", town),
    path("rows/", rows),
    path("missing/", missing),
    path("broken/", broken),
    path("unavailable/", unavailable),
]
