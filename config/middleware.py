"""Django's middleware, so that public pages don't pay for what they don't use.

As they are, each `process_request` and `process_response` of an asynchronous
request is a trip to a thread and back.
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
    """Django's, on the event loop: it computes and never waits.

    Where Django would refuse a foreign Host header, the health pages are let
    through: a load balancer asks for them by the container's address.
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
    """Django's, below /admin/ only."""


class AuthenticationMiddleware(_OnlyBelowAdmin, auth.AuthenticationMiddleware):
    """Django's, below /admin/ only."""


class MessageMiddleware(_OnlyBelowAdmin, messages.MessageMiddleware):
    """Django's, below /admin/ only."""


async def _answer(middleware: MiddlewareMixin, request: HttpRequest) -> HttpResponseBase:
    # Typed for both kinds of request; an asynchronous one has the second.
    return await cast(Awaitable[HttpResponseBase], middleware.get_response(request))
