"""Django views that repeat what they are told; by header, so that no address has it besides."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import unquote

from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.csrf import csrf_exempt
from opentelemetry import metrics, trace
from opentelemetry.trace import Link, Status, StatusCode

from tests.end_to_end.failing.faults import FaultError

if TYPE_CHECKING:
    from django.http import HttpRequest

logger = logging.getLogger("private.host")
tracer = trace.get_tracer("private.host")


def said(request: HttpRequest) -> str:
    """What the visitor wants to be repeated."""
    return unquote(request.headers.get("X-Say", ""))


async def path_said(request: HttpRequest, said: str) -> HttpResponse:
    raise FaultError(f"there is no page {said!r}")


@csrf_exempt
async def form(request: HttpRequest) -> HttpResponse:
    """Reads all of a body, and fails."""
    known = len(request.POST) + len(request.FILES)
    raise FaultError(f"a form of {known} fields")


async def redirect(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(said(request))


async def raises(request: HttpRequest) -> HttpResponse:
    try:
        raise KeyError(said(request))
    except KeyError as error:
        raise FaultError(f"not without {said(request)}") from error


async def logs(request: HttpRequest) -> HttpResponse:
    logger.info("somebody said %s", said(request), extra={"sentence": said(request)})
    return HttpResponse()


async def logs_an_error(request: HttpRequest) -> HttpResponse:
    import sentry_sdk  # the host's own use of it

    sentry_sdk.set_user({"id": "7", "email": said(request)})
    sentry_sdk.set_tag("said", said(request))
    sentry_sdk.set_context("visitor", {"said": said(request), "session": {"id": said(request)}})
    sentry_sdk.add_breadcrumb(message=said(request))
    logger.error("somebody said: %s", said(request), extra={"session_id": said(request)})
    return HttpResponse()


async def spans(request: HttpRequest) -> HttpResponse:
    text = said(request)
    link = Link(trace.get_current_span().get_span_context(), {"said": text})
    with tracer.start_as_current_span(f"repeating {text}", links=[link]) as span:
        span.set_attribute("said", text)
        span.set_attribute("db.statement", f"select '{text}' -- {text}")
        span.add_event(f"said {text}", {"said": text})
        span.set_status(Status(StatusCode.ERROR, f"said {text}"))
    return HttpResponse()


async def measures(request: HttpRequest) -> HttpResponse:
    metrics.get_meter("private.host").create_counter("said").add(1, {"said": said(request)})
    return HttpResponse()


async def local(request: HttpRequest) -> HttpResponse:
    # Sentry's own list of names does not have it.
    signing_key = said(request)
    raise FaultError(f"a word of {len(signing_key)} letters")
