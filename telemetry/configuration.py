"""`configure()`: the one global write, idempotent in a process."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from telemetry import failsafe
from telemetry.errors import TelemetryError
from telemetry.logs.use import use
from telemetry.settings import Settings, read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.pipeline import Pipeline

logger = logging.getLogger("telemetry")

# Logfire's pydantic plugin: where logfire is installed, Datasette's models load
# all of it, 0.7 s and 18 MB a process, for nothing.
PYDANTIC_PLUGINS = "PYDANTIC_DISABLE_PLUGINS"
LOGFIRE_PLUGIN = "logfire-plugin"


@dataclass(slots=True)
class _State:
    settings: Settings | None = None
    pipeline: Pipeline | None = None
    instrumented: bool = False


_state = _State()


def configure(
    environ: Mapping[str, str] | None = None,
    *,
    default_service_name: str | None = None,
    debug: bool | None = None,
) -> Settings:
    """Read the environment and set up what it asks for.

    Call it first, before the frameworks are imported. A second call returns the
    first one's settings and changes nothing. Where nothing is configured it
    only reads: no SDK is imported, no thread is started.

    Args:
        environ: the variables; ``os.environ`` unless given.
        default_service_name: the host's name, where no variable names one.
        debug: the host's debug mode; None asks ``DEBUG``.

    Raises:
        ConfigurationError: naming every variable that can't be understood.
        TelemetryError: if somebody else's OpenTelemetry provider is installed.
    """
    if _state.settings is not None:
        if default_service_name and _state.settings.names_itself and _state.pipeline is not None:
            # Under opentelemetry-instrument the first call came before the host's first line.
            _state.pipeline.name_service(default_service_name)
        return _state.settings
    settings = read_settings(
        os.environ if environ is None else environ,
        default_service_name=default_service_name,
        debug=debug,
    )
    os.environ.setdefault(PYDANTIC_PLUGINS, LOGFIRE_PLUGIN)
    failsafe.raise_failures(settings.raise_failures)
    for note in settings.notes:
        logger.warning("%s", note)
    if settings.active:
        from telemetry.pipeline import Pipeline

        pipeline = Pipeline(settings)
        pipeline.install()
        _state.pipeline = pipeline
    _state.settings = settings
    return settings


def instrument() -> None:
    """Instrument Django and Datasette, whichever are installed.

    Call it after Django's settings can be imported and before its application
    is made. Does nothing where nothing is configured and the host's log lines
    are its own.

    Raises:
        TelemetryError: if `configure` was not called before.
        InstrumentationError: if it comes too early, too late or for the second time.
    """
    settings = _settings("instrument")
    from telemetry.instrumentors import instrument_all, load_django_settings

    if _state.pipeline is None:
        # They are where a host asks for our lines.
        load_django_settings()
        if not use.lines_are_ours:
            return
    instrument_all(settings, again=_state.instrumented)
    _state.instrumented = True


def asgi_wrapper(application: Any) -> Any:
    """Put the edge around the whole ASGI application.

    The application itself where nothing is configured and the host's log lines
    are its own, not of `logging_config`.

    Raises:
        TelemetryError: if `configure` was not called before.
        InstrumentationError: if the application has an edge already.
    """
    settings, pipeline = _settings("asgi_wrapper"), _state.pipeline
    if pipeline is None and not use.lines_are_ours:
        return application
    from telemetry.asgi.edge import Edge
    from telemetry.asgi.trust import Trust

    edge = Edge(
        application,
        trust=Trust(settings.traceparent, settings.trust_secret),
        excluded_urls=settings.excluded_urls,
        # Where it says nothing of its own, the general list has been asked already.
        datasette_excluded_urls=settings.datasette_excluded_urls
        if settings.datasette_excluded_urls != settings.excluded_urls
        else "",
        untraced_paths=settings.untraced_paths,
        unlogged_paths=settings.unlogged_paths,
        client_address=settings.client_address,
        user_agent=settings.user_agent,
        query_string=True,
        event_url=settings.sentry.event_url if settings.sentry is not None else None,
        # A developer's console says of each request what the line would.
        access_log=use.lines_are_ours and not settings.prints_traces,
        http_capture_headers_server_request=list(settings.capture_request_headers),
        http_capture_headers_server_response=list(settings.capture_response_headers),
        http_capture_headers_sanitize_fields=list(settings.sanitize_headers),
        **(_recorded(pipeline) if pipeline is not None else _unrecorded()),
    )
    if settings.debug and pipeline is not None and pipeline.folding is not None:
        from telemetry.asgi.server_timing import ServerTiming

        edge.app = ServerTiming(edge.app, pipeline.folding.queries)
    if settings.sentry is not None:
        from telemetry.sentry.isolation import Isolation

        edge.app = Isolation(edge.app)
    return edge


def report_errors() -> None:
    """Report this process's errors from here on, where SENTRY_DSN is set.

    For what serves nothing: ``manage.py``, a script, a queue's worker. A
    server's workers do it themselves when they start. Log records are sent as
    they come, and the lines of `logging_config` go to standard error.

    Raises:
        TelemetryError: if `configure` was not called before.
    """
    _settings("report_errors")
    # Standard output is the command's own.
    use.stream = "stderr"
    if _state.pipeline is not None:
        _state.pipeline.start_errors()


def flush(timeout: float | None = None) -> int:
    """Send what is in flight, for at most ``timeout`` seconds (TELEMETRY_SHUTDOWN_TIMEOUT).

    The edge does this when a server stops; a script that ends by itself need not
    call it either. Safe to call again and from several threads. It blocks: a
    coroutine calls it by ``asyncio.to_thread``. Returns how many spans, log
    records and error events have not been delivered since the start.
    """
    return 0 if _state.pipeline is None else _state.pipeline.flush(timeout)


def start_for_tests() -> None:
    """Start what a server's worker starts, errors included, and send what there is.

    For `telemetry.testing.Capture`: whoever is tested serves nothing, or through an edge that
    has seen no lifespan.
    """
    if _state.pipeline is not None:
        _state.pipeline.start()
        _state.pipeline.flush()


def export_states() -> dict[str, str]:
    """Whether what was exported last has arrived, by signal: for a page of the host's health.

    Of traces and logs, where they go anywhere: ``idle`` before the first export,
    ``delivering`` or ``failing``; where a signal has several destinations, the worst.
    """
    return {} if _state.pipeline is None else dict(_state.pipeline.export_states())


def _recorded(pipeline: Pipeline) -> dict[str, Any]:
    """The edge's arguments that a pipeline is needed for."""
    from telemetry.asgi.loop_delay import LoopDelay
    from telemetry.flushing import off_the_loop

    delay = LoopDelay() if pipeline.outlets["metrics"] else None

    async def started() -> None:
        ready()

    def ready() -> None:
        pipeline.start()
        if delay is not None:
            delay.watch()

    async def stopping() -> None:
        if delay is not None:
            delay.stop()
        await off_the_loop(pipeline.stop)

    return {
        "started": started,
        "stopping": stopping,
        "ready": ready,
        "was_kept": pipeline.was_kept,
        "site_labels": pipeline.site_labels,
    }


def _unrecorded() -> dict[str, Any]:
    from telemetry.providers.unrecorded import unrecorded_tracer

    return {"tracer": unrecorded_tracer()}


def _settings(caller: str) -> Settings:
    if _state.settings is None:
        raise TelemetryError(
            f"telemetry.{caller}() came before telemetry.configure(): call configure() first, "
            "at the top of the host's asgi.py"
        )
    return _state.settings
