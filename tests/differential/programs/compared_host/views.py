"""Django views: synchronous, asynchronous, streaming and failing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import BadRequest, DisallowedHost, PermissionDenied
from django.http import (
    FileResponse,
    Http404,
    HttpResponse,
    HttpResponseNotModified,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.utils.decorators import sync_and_async_middleware
from django.views.decorators.csrf import csrf_exempt
from opentelemetry import metrics, trace
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

import telemetry

from . import faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from django.http import HttpRequest

tracer = trace.get_tracer("compared.host", "1.2.3")


@sync_and_async_middleware
def failing_middleware(get_response: Callable[..., Any]) -> Callable[..., Any]:
    """Fails for one path, before any view."""
    assert iscoroutinefunction(get_response)

    async def middleware(request: HttpRequest) -> Any:
        if request.path == "/django/in-middleware/":
            faults.fail("in a middleware")
        return await get_response(request)

    return middleware


async def number(_request: HttpRequest, number: int) -> JsonResponse:
    return JsonResponse({"number": number})


def text(_request: HttpRequest, text: str) -> JsonResponse:
    return JsonResponse({"letters": len(text)})


async def expression(_request: HttpRequest, year: str) -> JsonResponse:
    return JsonResponse({"year": year})


async def asynchronous(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("asynchronous")


def synchronous(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("synchronous")


def fails(_request: HttpRequest) -> HttpResponse:
    faults.fail("in a view")
    return HttpResponse()


async def fails_asynchronously(_request: HttpRequest) -> HttpResponse:
    faults.fail("in an asynchronous view")
    return HttpResponse()


async def fails_with_cause(_request: HttpRequest) -> HttpResponse:
    faults.fail_with_cause()
    return HttpResponse()


def fails_in_thread(_request: HttpRequest) -> HttpResponse:
    faults.fail_in_thread()
    return HttpResponse()


async def fails_in_span(_request: HttpRequest) -> HttpResponse:
    with tracer.start_as_current_span("a span of the host"):
        faults.fail("in a span")
    return HttpResponse()


async def fails_with_text(request: HttpRequest) -> HttpResponse:
    """Fails with text of the client, which may be a secret."""
    faults.fail(f"the client said {request.GET.get('text')}")
    return HttpResponse()


async def reports_failure(_request: HttpRequest) -> HttpResponse:
    """Answers by itself for an exception that it caught."""
    try:
        faults.fail("caught and reported")
    except faults.FaultError as error:
        telemetry.set_failure(error)
    return HttpResponse(telemetry.trace_id() or "no trace", status=503)


async def logs(_request: HttpRequest) -> HttpResponse:
    faults.log_everything()
    return HttpResponse()


async def logs_error(_request: HttpRequest) -> HttpResponse:
    faults.logger.error("an error of %s", "the host", extra={"pages": 3, "password": "hunter2"})
    return HttpResponse()


async def logs_exception(_request: HttpRequest) -> HttpResponse:
    try:
        faults.fail("logged as an error")
    except faults.FaultError:
        faults.logger.exception("an error with its exception")
    return HttpResponse()


async def logs_exception_and_raises(_request: HttpRequest) -> HttpResponse:
    try:
        faults.fail("logged and raised")
    except faults.FaultError:
        faults.logger.exception("logged before it is raised")
        raise
    return HttpResponse()


async def spans(_request: HttpRequest) -> HttpResponse:
    """Makes spans with each kind of attribute, event, link, status and span kind."""
    link = Link(trace.get_current_span().get_span_context(), {"link": "self"})
    for kind in SpanKind:
        with tracer.start_as_current_span(f"kind {kind.name}", kind=kind, links=[link]) as span:
            span.set_attribute("text", "text")
            span.set_attribute("number", 2**40)
            span.set_attribute("ratio", 0.25)
            span.set_attribute("flag", True)
            span.set_attribute("list", ["a", "b"])
            span.set_attribute("numbers", [1, 2])
            span.set_attribute("api_key", "sk_live_abcdefghijklmnop")
            span.set_attribute("said", "by someone@example.org")
            span.set_attribute("address", "https://example.org/?q=words&_sort=name")
            span.set_attribute("db.query.text", "select 'literal' from t where a = 1 -- comment")
            span.add_event("an event", {"n": 1, "token": "abcdefghijklmnop"})
            span.set_status(Status(StatusCode.ERROR, "for someone@example.org"))
    with tracer.start_as_current_span("recorded exception") as span:
        try:
            faults.fail("recorded")
        except faults.FaultError as error:
            span.record_exception(error)
    with tracer.start_as_current_span("fine") as span:
        span.set_status(Status(StatusCode.OK))
    return HttpResponse()


async def measures(_request: HttpRequest) -> HttpResponse:
    """Records measurements by each kind of instrument."""
    meter = metrics.get_meter("compared.host", "1.2.3")
    meter.create_counter("compared.counter", "{thing}", "Things counted").add(2, {"kind": "a"})
    meter.create_up_down_counter("compared.level").add(-1, {"email": "someone@example.org"})
    meter.create_gauge("compared.gauge", "s").set(7.5)
    meter.create_histogram("compared.histogram", "ms").record(12, {"kind": "a"})
    return HttpResponse()


async def redirects(_request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect("https://example.org/?token=abcdefghijklmnop")


async def not_modified(_request: HttpRequest) -> HttpResponse:
    return HttpResponseNotModified()


async def missing(_request: HttpRequest) -> HttpResponse:
    raise Http404("missing")


async def forbidden(_request: HttpRequest) -> HttpResponse:
    raise PermissionDenied("forbidden")


def bad(_request: HttpRequest) -> HttpResponse:
    raise BadRequest("bad")


async def suspicious(_request: HttpRequest) -> HttpResponse:
    raise DisallowedHost("suspicious")


async def unavailable(_request: HttpRequest) -> HttpResponse:
    """An answer of the host's own, without an exception."""
    return HttpResponse("closed", status=503)


async def streams(_request: HttpRequest) -> StreamingHttpResponse:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x" * 1000

    return StreamingHttpResponse(body())


def streams_synchronously(_request: HttpRequest) -> FileResponse:
    with open(__file__, "rb") as file:
        size = len(file.read(5000))

    def body() -> Iterator[bytes]:
        yield b"x" * size

    return FileResponse(body())


async def fails_in_stream(_request: HttpRequest) -> StreamingHttpResponse:
    async def body() -> AsyncIterator[bytes]:
        yield b"begun"
        faults.fail("in a stream")

    return StreamingHttpResponse(body())


@csrf_exempt
async def form(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"fields": len(request.POST), "files": len(request.FILES)})


async def protected_form(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"fields": len(request.POST)})


async def record(_request: HttpRequest) -> JsonResponse:
    """Shows what the request record says, after this view has changed the outcome."""
    found = telemetry.request_record()
    if found is None:
        return JsonResponse({"record": None})
    telemetry.set_outcome("unknown_site")
    return JsonResponse({"site": found.site, "route": found.route, "outcome": found.outcome})


PAGES: dict[str, Callable[..., Any]] = {
    view.__name__: view
    for view in (
        *(asynchronous, synchronous, fails, fails_asynchronously, fails_with_cause),
        *(fails_in_thread, fails_in_span, fails_with_text, reports_failure, logs, logs_error),
        *(logs_exception, logs_exception_and_raises, spans, measures, redirects, not_modified),
        *(missing, forbidden, bad, suspicious, unavailable, streams, streams_synchronously),
        *(fails_in_stream, form, protected_form, record),
    )
}
