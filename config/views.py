"""The home page, the health page and the way to a site."""

from collections.abc import Callable, Coroutine
from functools import wraps
from math import ceil
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string

import telemetry
from config.home import home_context
from config.readiness import readiness
from config.sites.directory import REFRESH_SECONDS, DirectoryUnavailableError
from config.sites.hosts import home_address, parse_host
from config.sites.registry import site_directory

View = Callable[..., Coroutine[Any, Any, HttpResponse]]


def _needs_the_directory(view: View) -> View:
    """Answer 503 where a view can't be served because the sites were never read."""

    @wraps(view)
    async def answer(request: HttpRequest, **captured: str) -> HttpResponse:
        try:
            return await view(request, **captured)
        except DirectoryUnavailableError as error:
            telemetry.set_failure(error)
            context = {"reference": telemetry.trace_id()}
            response = render(request, "sites/unavailable.html", context, status=503)
            # Before that nobody asks the database again.
            response["Retry-After"] = str(ceil(REFRESH_SECONDS))
            return response

    return answer


@_needs_the_directory
async def home(request: HttpRequest) -> HttpResponse:
    """List the registered sites by name, or those searched for, each linked to its address."""
    sites = await site_directory().all()
    return render(request, "sites/home.html", home_context(request, sites, _base(request)))


async def health(_request: HttpRequest) -> HttpResponse:
    """Say that the process answers. No database: a slow disk is not a dead worker."""
    return JsonResponse({"status": "ok"})


async def ready(_request: HttpRequest) -> HttpResponse:
    """Say whether this worker can serve; and how its telemetry does, which decides nothing."""
    found = await readiness()
    state = {
        "status": "ok" if found.ready else "unavailable",
        "database": "ok" if found.database is None else "unavailable",
        "sites": "ok" if found.sites is None else "unavailable",
        "telemetry": telemetry.export_states(),
    }
    return JsonResponse(state, status=200 if found.ready else 503)


@_needs_the_directory
async def visit(request: HttpRequest, subdomain: str) -> HttpResponse:
    """Redirect to a registered site's own address."""
    if await site_directory().find(subdomain) is None:
        raise Http404("There is no such site here.")
    return HttpResponseRedirect(f"//{subdomain}.{_base(request)}/")


def server_error(_request: HttpRequest) -> HttpResponse:
    """Django's page for an exception, with the trace to ask the operator about."""
    # Without the request: a context processor may be what failed.
    page = render_to_string("sites/error.html", {"reference": telemetry.trace_id()})
    return HttpResponse(page, status=500)


def _base(request: HttpRequest) -> str:
    return home_address(parse_host(request.get_host()), settings.ROOT_DOMAINS)
