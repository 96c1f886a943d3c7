"""Telemetry for releases of Datasette that have none of their own: those before 1.0a41.

Datasette's methods are wrapped. The wrappers record the spans and the metrics of
Datasette 1.0a41, with the same names and the same instrumentation scope, by the
same tracer and the same meter. So what follows (routes, folding, metrics by site,
the collector's and dashboards' rules) does not depend on the release.

Decision 0015 says why `datasette.tracer` is not used.
"""

from __future__ import annotations

import gc
import importlib.util

from telemetry import private_api
from telemetry.datasette.backport.database import wrap_database
from telemetry.datasette.backport.requests import wrap_requests
from telemetry.exceptions import InstrumentationError

REQUESTS = (
    private_api.DATASETTE_APP,
    private_api.DATASETTE_ROUTES,
)
QUERIES = (
    private_api.DATASETTE_STARTUP,
    private_api.DATASETTE_EXECUTE,
    private_api.DATASETTE_EXECUTE_FN,
    private_api.DATASETTE_EXECUTE_WRITE,
    private_api.DATASETTE_EXECUTE_WRITE_SCRIPT,
    private_api.DATASETTE_EXECUTE_WRITE_MANY,
    private_api.DATASETTE_EXECUTE_WRITE_FN,
    private_api.DATASETTE_EXECUTE_ISOLATED_FN,
)


def has_own_telemetry() -> bool:
    """Whether the installed release of Datasette has telemetry of its own."""
    return importlib.util.find_spec("datasette.telemetry") is not None


def add_telemetry(version: str, *, queries: bool) -> None:
    """Wrap Datasette's methods. Call it once, or again after `remove_telemetry`.

    Args:
        version: Datasette's release, for the instrumentation scope.
        queries: whether queries and the start of an instance are recorded, too.

    Raises:
        InstrumentationError: if there is an application, which would not be wrapped.
    """
    if _application_exists():
        raise InstrumentationError(
            f"Datasette {version} was instrumented too late: Datasette.app() was called before; "
            "call telemetry.instrument() first"
        )
    wrap_requests(version)
    if queries:
        wrap_database(version)


def remove_telemetry() -> None:
    """Undo `add_telemetry`."""
    for name in (*REQUESTS, *QUERIES):
        original = private_api.get(name)
        if original is not None:
            private_api.replace(name, original)


def _application_exists() -> bool:
    router = private_api.get(private_api.DATASETTE_ROUTER)
    return router is not None and any(type(each) is router for each in gc.get_objects())
