"""Builds the router out of Django's settings and database.

The parts know neither, so that they can be tested and reused without.
"""

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection
from django.utils.crypto import salted_hmac

from config.asgi_types import ASGIApp
from config.sites.datasettes import Datasettes
from config.sites.directory import RegisteredSite, SiteDirectory
from config.sites.models import Site
from config.sites.router import SubdomainRouter


def build_router(app: ASGIApp) -> SubdomainRouter:
    return SubdomainRouter(
        app,
        root_domains=settings.ROOT_DOMAINS,
        directory=SiteDirectory(sync_to_async(_load_sites)),
        datasettes=Datasettes(settings.SITES_DIR, secret=_datasette_secret),
    )


def _load_sites() -> dict[str, RegisteredSite]:
    try:
        rows = Site.objects.values_list("subdomain", "name", "state")
        return {
            subdomain: RegisteredSite(subdomain, name, state) for subdomain, name, state in rows
        }
    finally:
        # Outside Django's request cycle nothing else ever closes it, and a kept
        # connection goes on reading a database file that has been replaced.
        connection.close()


def _datasette_secret(subdomain: str) -> str:
    # Per site, so that nothing one site signs is worth anything to another.
    return salted_hmac("config.sites.datasette", subdomain, algorithm="sha256").hexdigest()
