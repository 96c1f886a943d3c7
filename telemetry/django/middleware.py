"""The Django middleware: records the route, the view and the exception of each request."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, ClassVar

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from opentelemetry import trace

from telemetry.asgi.routes import readable_route
from telemetry.errors import failures
from telemetry.errors.sqlite_functions import add_cause
from telemetry.failsafe import failed
from telemetry.registry import attributes as a
from telemetry.request import SCOPE_KEY, RequestRecord, request_record

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponseBase
    from opentelemetry.util.http import ExcludeList

logger = logging.getLogger("telemetry")


def request_failed(**_kwargs: Any) -> None:
    """Receiver of Django's signal ``got_request_exception``, which leads to a 500 page.

    Django does not send the signal for exceptions that become a 4xx response. It sends
    it while the exception is being handled.
    """
    try:
        error = sys.exc_info()[1]
        if error is None:
            return
        record = request_record()
        if record is not None:
            record.failure = error
        add_cause(error, record)
        failures.report(error, "django", record)
    except Exception as problem:  # noqa: BLE001 # the page comes first
        failed("django.signal", problem)


class DjangoMiddleware:
    """Middleware that supports sync and async.

    Contrib's supports sync only, which adds a thread switch to an async view: 60 % more time.
    The class attributes hold the instrumentor's arguments, since Django makes the instance.
    """

    sync_capable = True
    async_capable = True

    excluded_urls: ClassVar[ExcludeList | None] = None
    request_hook: ClassVar[Callable[..., None] | None] = None
    response_hook: ClassVar[Callable[..., None] | None] = None
    traced_attributes: ClassVar[tuple[str, ...]] = ()

    process_view: Callable[..., Any]

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self._warned = False
        # Kept, since asking takes dozens of calls.
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)
            self.process_view = self._async_view
        else:
            self.process_view = self._view

    def __call__(self, request: HttpRequest) -> Any:
        """Return the response, or an awaitable for it under ASGI."""
        record = self._begin(request)
        if record is None or (self.response_hook is None and not self.traced_attributes):
            # Without a coroutine, which would be passed through at each change of tasks.
            return self.get_response(request)
        if self._is_async:
            return self._respond(request, record)
        response = self.get_response(request)
        self._end(request, response, record)
        return response

    async def _respond(self, request: HttpRequest, record: RequestRecord) -> Any:
        response = await self.get_response(request)
        self._end(request, response, record)
        return response

    def _begin(self, request: HttpRequest) -> RequestRecord | None:
        try:
            record = _record_of(request)
            if record is None:
                self._warn_once()
                return None
            if self._excluded(request):
                record.excluded = True
            elif self.request_hook is not None:
                self.request_hook(record.span, request)
        except Exception as error:  # noqa: BLE001 # the page comes first
            failed("django.middleware.request", error)
            return None
        return record

    def _end(self, request: HttpRequest, response: HttpResponseBase, record: RequestRecord) -> None:
        if record.excluded:
            return
        try:
            if self.traced_attributes and record.span.is_recording():
                for name in self.traced_attributes:
                    value = getattr(request, name, None)
                    if value is not None:
                        record.span.set_attribute(name, str(value))
            if self.response_hook is not None:
                self.response_hook(record.span, request, response)
        except Exception as error:  # noqa: BLE001
            failed("django.middleware.response", error)

    def _view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        try:
            record = _record_of(request)
            match = request.resolver_match
            if record is None or match is None:
                return
            record.own_route = readable_route(match.route)
            if record.span.is_recording():
                record.span.set_attribute(a.CODE_FUNCTION_NAME, _name_of(match.func))
        except Exception as error:  # noqa: BLE001
            failed("django.middleware.view", error)

    # Django would run a synchronous process_view in a thread and wait for it.
    async def _async_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        self._view(request, view, args, kwargs)

    def _excluded(self, request: HttpRequest) -> bool:
        # Not build_absolute_uri(): it raises on a Host that Django does not allow.
        if self.excluded_urls is None:
            return False
        host = request.META.get("HTTP_HOST", "")
        return bool(
            self.excluded_urls.url_disabled(f"{request.scheme}://{host}{request.path_info}")
        )

    def _warn_once(self) -> None:
        if not self._warned and not trace.get_current_span().get_span_context().is_valid:
            self._warned = True
            logger.warning(
                "Django is instrumented and no edge is in front of it, so its requests are not "
                "traced: wrap the application with telemetry.asgi_wrapper()"
            )


def _record_of(request: HttpRequest) -> RequestRecord | None:
    """The record of a request that is being served."""
    # Reading the current context takes four calls. A request of WSGI has no scope.
    scope = getattr(request, "scope", None)
    if scope.__class__ is dict:
        record = scope.get(SCOPE_KEY)
        if record.__class__ is RequestRecord and not record.ended:
            return record
    return request_record()


def _name_of(view: Any) -> str:
    # The class of a class-based view (`view_class`, documented by Django) and of a callable
    # object, which has no name.
    view = getattr(view, "view_class", view)
    named = view if hasattr(view, "__name__") else type(view)
    return f"{named.__module__}.{named.__name__}"
