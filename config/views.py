"""The home page, the health page and the way to a site."""

from django.conf import settings
from django.db.models.functions import Lower
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render

from config.sites.hosts import home_address, parse_host
from config.sites.models import Site


async def home(request: HttpRequest) -> HttpResponse:
    """List every registered site by name, linked to its own address."""
    base = _base(request)
    sites = [
        {"name": site.name, "state": site.state, "address": f"//{site.subdomain}.{base}/"}
        async for site in Site.objects.order_by(Lower("name"), "subdomain")
    ]
    return render(request, "sites/home.html", {"sites": sites})


async def health(_request: HttpRequest) -> HttpResponse:
    """Say that the process answers. No database: a slow disk is not a dead worker."""
    return JsonResponse({"status": "ok"})


async def visit(request: HttpRequest, subdomain: str) -> HttpResponse:
    """Redirect to a registered site's own address."""
    if not await Site.objects.filter(pk=subdomain).aexists():
        raise Http404("There is no such site here.")
    return HttpResponseRedirect(f"//{subdomain}.{_base(request)}/")


def _base(request: HttpRequest) -> str:
    return home_address(parse_host(request.get_host()), settings.ROOT_DOMAINS)
