"""The host with a new Datasette for each request, as in upstream."""

from pathlib import Path

from datasette.app import Datasette
from django.conf import settings

from benchmarks.hosts.control import with_control
from benchmarks.hosts.root import build
from config.sites.datasettes.settings import SETTINGS
from config.sites.hosts import find_root, find_subdomain, host_header, parse_host
from telemetry.scope import Receive, Scope, Send

host = build()
# Upstream's value.
PER_REQUEST = {**SETTINGS, "num_sql_threads": 5}


async def _per_request(scope: Scope, receive: Receive, send: Send) -> None:
    name = parse_host(host_header(scope["headers"])).name if scope["type"] == "http" else ""
    root = find_root(name, settings.ROOT_DOMAINS)
    if root is None or name == root:
        await host(scope, receive, send)
        return
    site = Path(settings.SITES_DIR) / find_subdomain(name, root)
    datasette = Datasette(files=[str(site / "meetings.db")], settings=PER_REQUEST)
    await datasette.app()(scope, receive, send)


application = with_control(_per_request)
