"""Builds the router from Django's settings and database.

The parts depend on neither, so that they can be tested and reused without them.
"""

import gc

from django.conf import settings
from django.utils.crypto import salted_hmac

import telemetry
from config.sites.datasettes.pool import DatasettePool
from config.sites.datasettes.settings import SETTINGS
from config.sites.datasettes.starter import Starter
from config.sites.registry import site_directory
from config.sites.router import SubdomainRouter
from telemetry.scope import ASGIApp


def build_router(app: ASGIApp) -> SubdomainRouter:
    # If rich is installed, Datasette prints cookies of the request for each 404.
    telemetry.quiet_datasette_errors()
    starter = Starter(
        secret=_datasette_secret,
        settings={**SETTINGS, "force_https_urls": settings.HTTPS},
    )
    return SubdomainRouter(
        app,
        root_domains=settings.ROOT_DOMAINS,
        other_names=settings.OTHER_NAMES,
        directory=site_directory(),
        pool=DatasettePool(settings.SITES_DIR, starter, room=settings.SITES_POOL_SIZE),
        https=settings.HTTPS,
        public_port=settings.PUBLIC_PORT,
        started=_freeze,
    )


def _freeze() -> None:
    """Have the garbage collector pass over what start-up has made: it lives as long as the process.

    Looking through it takes tens of milliseconds each time.
    """
    gc.collect()
    gc.freeze()


def _datasette_secret(subdomain: str) -> str:
    # A separate key for each site: one site's signatures are invalid on another.
    return salted_hmac("config.sites.datasette", subdomain, algorithm="sha256").hexdigest()
