"""Django's middleware without the costs that public pages don't need.

Unchanged, each `process_request` and `process_response` of an asynchronous
request is run in a thread.
"""

from collections.abc import Awaitable
from typing import cast

from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest, HttpResponseBase
from django.middleware import common
from django.utils.deprecation import MiddlewareMixin

from config import paths


class CommonMiddleware(common.CommonMiddleware):
    """Django's middleware on the event loop, which is safe since it never blocks.

    Where Django would refuse an unknown Host header, the health pages are
    served: a load balancer requests them by the container's address.
    """

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase | None = None
        if request.path_info not in paths.PROBES:
            response = self.process_request(request)
        if response is None:
            response = await _answer(self, request)
        return self.process_response(request, response)


class _OnlyBelowAdmin(MiddlewareMixin):
    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(paths.ADMIN):
            return await super().__acall__(request)
        return await _answer(self, request)


class SessionMiddleware(_OnlyBelowAdmin, sessions.SessionMiddleware):
    """Django's middleware, for paths below /admin/ only."""


class AuthenticationMiddleware(_OnlyBelowAdmin, auth.AuthenticationMiddleware):
    """Django's middleware, for paths below /admin/ only."""


class MessageMiddleware(_OnlyBelowAdmin, messages.MessageMiddleware):
    """Django's middleware, for paths below /admin/ only."""


async def _answer(middleware: MiddlewareMixin, request: HttpRequest) -> HttpResponseBase:
    # Typed as the response or an awaitable. For an asynchronous request it is the latter.
    return await cast(Awaitable[HttpResponseBase], middleware.get_response(request))
