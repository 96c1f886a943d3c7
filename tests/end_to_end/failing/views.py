"""Django views that fail."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import BadRequest, DisallowedHost, PermissionDenied
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.utils.decorators import sync_and_async_middleware
from opentelemetry import trace

from tests.end_to_end.failing import faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from django.http import HttpRequest

tracer = trace.get_tracer("failing.host")


@sync_and_async_middleware
def failing_middleware(get_response: Callable[..., Any]) -> Callable[..., Any]:
    """Fails for one path, before any view."""
    assert iscoroutinefunction(get_response)

    async def middleware(request: HttpRequest) -> Any:
        if request.path == "/fails/in-middleware/":
            faults.fail("middleware")
        return await get_response(request)

    return middleware


def sync_view(request: HttpRequest) -> HttpResponse:
    faults.fail("sync-view")
    return HttpResponse()


async def async_view(request: HttpRequest) -> HttpResponse:
    faults.fail("async-view")
    return HttpResponse()


async def in_span(request: HttpRequest) -> HttpResponse:
    """Fails in a span of the host's own."""
    with tracer.start_as_current_span("the host's own"):
        faults.fail("own-span")
    return HttpResponse()


async def stream(request: HttpRequest) -> StreamingHttpResponse:
    async def body() -> AsyncIterator[bytes]:
        yield b"begun"
        faults.fail("stream")

    return StreamingHttpResponse(body())


async def thread(request: HttpRequest) -> HttpResponse:
    faults.in_a_thread()
    return HttpResponse()


def pool(request: HttpRequest) -> HttpResponse:
    faults.in_a_pool()
    return HttpResponse()


async def loop_pool(request: HttpRequest) -> HttpResponse:
    await faults.in_the_loops_pool()
    return HttpResponse()


async def dropped_pool(request: HttpRequest) -> HttpResponse:
    await faults.in_the_loops_pool_dropped()
    return HttpResponse()


async def dropped_task(request: HttpRequest) -> HttpResponse:
    await faults.in_a_dropped_task()
    return HttpResponse()


async def logged(request: HttpRequest) -> HttpResponse:
    import sentry_sdk  # the host's own use of it; not loaded where it is not configured

    sentry_sdk.set_tag("set.by", "logged")
    faults.logger.error("logged %s", "plainly", extra={"request": request, "pages": 3})
    return HttpResponse()


async def logged_with_exception(request: HttpRequest) -> HttpResponse:
    try:
        faults.fail("logged-exception")
    except faults.FaultError:
        faults.logger.exception("logged with its exception")
    return HttpResponse()


async def logged_and_raised(request: HttpRequest) -> HttpResponse:
    faults.logged_and_raised()
    return HttpResponse()


async def raised_from(request: HttpRequest) -> HttpResponse:
    faults.raised_from_a_logged_one()
    return HttpResponse()


async def while_handling(request: HttpRequest) -> HttpResponse:
    faults.raised_while_handling()
    return HttpResponse()


async def handled(request: HttpRequest) -> HttpResponse:
    faults.handled()
    faults.logger.warning("a warning is no error")
    return HttpResponse()


async def slow(request: HttpRequest) -> HttpResponse:
    await asyncio.sleep(float(request.GET.get("seconds", 0.3)))
    return HttpResponse()


async def missing(request: HttpRequest) -> HttpResponse:
    raise Http404("missing")


async def forbidden(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied("forbidden")


async def bad(request: HttpRequest) -> HttpResponse:
    raise BadRequest("bad")


async def suspicious(request: HttpRequest) -> HttpResponse:
    raise DisallowedHost("suspicious")


async def unavailable(request: HttpRequest) -> HttpResponse:
    """An answer of the host's own, without an exception."""
    return HttpResponse(status=503)
