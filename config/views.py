"""The home page, the health pages and the redirect to a site."""

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
    """Wrap a view to answer 503 if the sites were never read."""

    @wraps(view)
    async def answer(request: HttpRequest, **captured: str) -> HttpResponse:
        try:
            return await view(request, **captured)
        except DirectoryUnavailableError as error:
            telemetry.set_failure(error)
            context = {"reference": telemetry.trace_id()}
            response = render(request, "sites/unavailable.html", context, status=503)
            # The database is not queried again before that.
            response["Retry-After"] = str(ceil(REFRESH_SECONDS))
            return response

    return answer


@_needs_the_directory
async def home(request: HttpRequest) -> HttpResponse:
    """List the registered sites by name, or the results of a search, with links."""
    sites = await site_directory().all()
    return render(request, "sites/home.html", home_context(request, sites, _base(request)))


async def health(_request: HttpRequest) -> HttpResponse:
    """Report that the process responds. Ignores the database: a slow disk is no dead worker."""
    return JsonResponse({"status": "ok"})


async def ready(_request: HttpRequest) -> HttpResponse:
    """Report whether this worker can serve. The state of telemetry is included for information."""
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
    """Redirect to a registered site's address."""
    if await site_directory().find(subdomain) is None:
        raise Http404("There is no such site here.")
    return HttpResponseRedirect(f"//{subdomain}.{_base(request)}/")


def server_error(_request: HttpRequest) -> HttpResponse:
    """Return Django's page for an exception, with the trace id to report to the operator."""
    # Without the request: the exception may come from a context processor.
    page = render_to_string("sites/error.html", {"reference": telemetry.trace_id()})
    return HttpResponse(page, status=500)


def _base(request: HttpRequest) -> str:
    return home_address(parse_host(request.get_host()), settings.ROOT_DOMAINS)
