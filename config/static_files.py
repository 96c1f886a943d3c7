"""Serves static files and the icon from the application's process."""

import asyncio
from collections.abc import Awaitable, Callable

from asgiref.sync import markcoroutinefunction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

from config import paths

ICON = "sites/icon.svg"


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]  # untyped
    """WhiteNoise without a thread for each request that is not for a file.

    WhiteNoise's middleware is synchronous, so that every page would be run in a thread.
    Django also warns about its file responses under ASGI, since it must read them
    whole. The largest file is the admin's, of 300 kB.
    """

    sync_capable = False
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]]) -> None:
        super().__init__(get_response)
        self._next = get_response
        markcoroutinefunction(self)
        self._icon = f"{self.static_prefix}{ICON}"

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        if path == paths.FAVICON:
            path = self._icon
        if path.startswith(self.static_prefix):
            # Refuses an unknown Host header, as for any page but the health pages.
            request.get_host()
            response = await asyncio.to_thread(self._respond, path, request)
            if response is not None:
                return response
        return await self._next(request)

    def _respond(self, path: str, request: HttpRequest) -> HttpResponse | None:
        file = self.find_file(path) if self.autorefresh else self.files.get(path)
        return None if file is None else _read(file, request)


def _read(file: StaticFile, request: HttpRequest) -> HttpResponse:
    found = file.get_response(request.method, request.META)
    content = b""
    if found.file is not None:
        with found.file:
            content = found.file.read()
    response = HttpResponse(content, status=int(found.status))
    # Django's default, which would be wrong for a 304.
    del response["content-type"]
    for name, value in found.headers:
        response[name] = value
    return response
