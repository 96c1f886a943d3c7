"""The host for counting instructions, with or without telemetry, and a trivial application.

What depends on the time is changed, since under Valgrind each request takes a hundred times as
long: limits of SQL, and what the host and telemetry do once in some seconds.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import telemetry
from benchmarks.hosts.control import PATH, answer
from benchmarks.hosts.counters import Callgrind, Counter, Opcodes
from benchmarks.hosts.flushing import flush_items
from benchmarks.hosts.trivial import trivial
from benchmarks.hosts.variables import LIBRARY, OBSERVED, OPCODES, PLANTED, TRIVIAL

if TYPE_CHECKING:
    from telemetry.scope import ASGIApp, Receive, Scope, Send

# Seconds, longer than any run.
_NEVER = 100_000.0


def _build(*, observed: bool) -> ASGIApp:
    """Build the application as `config.asgi` does."""
    if observed:
        telemetry.configure(default_service_name="corkboard")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.asgi import get_asgi_application

    if observed:
        telemetry.instrument()
    application = get_asgi_application()

    import djp

    host: ASGIApp = djp.asgi_wrapper(application)
    _slow_down()

    async def either(scope: Scope, receive: Receive, send: Send) -> None:
        app = trivial if scope.get("path") == TRIVIAL else host
        await app(scope, receive, send)

    if not observed:
        return either
    edge: ASGIApp = telemetry.asgi_wrapper(either)
    times = int(os.environ.get(PLANTED, 0))
    return _planted(edge, times) if times else edge


def _planted(app: ASGIApp, times: int) -> ASGIApp:
    """Slow each request down, so that a test can see the slowdown reported."""

    async def slowed(scope: Scope, receive: Receive, send: Send) -> None:
        for _ in range(times):
            pass
        await app(scope, receive, send)

    return slowed


def _slow_down() -> None:
    from datasette.app import Datasette

    from config.sites import directory
    from config.sites.datasettes import pool
    from config.sites.datasettes.settings import SETTINGS
    from telemetry.metrics import loop_delay

    milliseconds = int(_NEVER) * 1000
    for name in ("sql_time_limit_ms", "facet_time_limit_ms", "facet_suggest_time_limit_ms"):
        SETTINGS[name] = milliseconds
    # Once a second and site, it reads the schemas with seven queries.
    refresh = Datasette.refresh_schemas

    async def refresh_once(self: Any, *, force: bool = False) -> None:
        if force or not hasattr(self, "_last_schema_refresh"):
            await refresh(self, force=force)

    Datasette.refresh_schemas = refresh_once
    directory.REFRESH_SECONDS = pool.CHECK_SECONDS = loop_delay.EVERY = _NEVER
    # A thread that waits for the interpreter gets it when another one waits for input, and not
    # after five milliseconds.
    sys.setswitchinterval(_NEVER)


def _with_counter(app: ASGIApp) -> ASGIApp:
    """Answer `PATH?start`, `?dump=NAME` and `?flush=NAME`, which dumps after a flush."""
    counter: Counter = Opcodes() if os.environ.get(OPCODES) else Callgrind(os.environ[LIBRARY])

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") != PATH:
            await app(scope, receive, send)
            return
        [(do, [name])] = parse_qs(scope["query_string"].decode(), keep_blank_values=True).items()
        if do == "start":
            gc.collect()
            gc.freeze()
            gc.disable()
            # The ids of traces and the choice of exemplars.
            random.seed(0)
            counter.start()
        if do == "flush":
            await asyncio.to_thread(flush_items)
        await answer(send, counter.dump(name) if do != "start" else {})

    return counted


application = _with_counter(_build(observed=bool(os.environ.get(OBSERVED))))
