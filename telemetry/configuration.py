"""`configure()`: the one global write, idempotent in a process."""

from __future__ import annotations

import importlib.util
import logging
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from telemetry import failsafe
from telemetry.exceptions import InstrumentationError, TelemetryError
from telemetry.settings import Settings, read_settings
from telemetry.state import state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.asgi.options import EdgeOptions
    from telemetry.pipeline import Pipeline

logger = logging.getLogger("telemetry")

# Logfire's pydantic plugin: where logfire is installed, Datasette's models load
# all of it, 0.7 s and 18 MB a process, for nothing.
PYDANTIC_PLUGINS = "PYDANTIC_DISABLE_PLUGINS"
LOGFIRE_PLUGIN = "logfire-plugin"


@dataclass(frozen=True, slots=True)
class _Configured:
    settings: Settings
    pipeline: Pipeline | None
    """None where nothing is configured."""


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
    configured = _configured()
    if configured is not None:
        settings, pipeline = configured.settings, configured.pipeline
        if default_service_name and settings.names_itself and pipeline is not None:
            # Under opentelemetry-instrument the first call came before the host's first line.
            pipeline.name_service(default_service_name)
        return settings
    settings = read_settings(
        os.environ if environ is None else environ,
        default_service_name=default_service_name,
        debug=debug,
    )
    os.environ.setdefault(PYDANTIC_PLUGINS, LOGFIRE_PLUGIN)
    failsafe.raise_failures(settings.raise_failures)
    for note in settings.notes:
        logger.warning("%s", note)
    pipeline = None
    if settings.active:
        from telemetry.pipeline import Pipeline

        pipeline = Pipeline(settings)
        pipeline.install()
    state.configured = _Configured(settings, pipeline)
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
    configured = _require_configured("instrument")
    if configured.pipeline is None:
        # They are where a host asks for our lines.
        _load_django_settings()
        if not state.own_log_lines:
            return
    _instrument_all(configured.settings, again=state.instrumented)
    state.instrumented = True


def asgi_wrapper(application: Any) -> Any:
    """Put the edge around the whole ASGI application.

    The application itself where nothing is configured and the host's log lines
    are its own, not of `logging_config`.

    Raises:
        TelemetryError: if `configure` was not called before.
        InstrumentationError: if the application has an edge already.
    """
    configured = _require_configured("asgi_wrapper")
    settings, pipeline = configured.settings, configured.pipeline
    if pipeline is None and not state.own_log_lines:
        return application
    from telemetry.asgi.edge import Edge
    from telemetry.asgi.options import EdgeOptions
    from telemetry.asgi.trust import Trust

    options = EdgeOptions(
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
        access_log=state.own_log_lines and not settings.prints_traces,
        http_capture_headers_server_request=settings.capture_request_headers,
        http_capture_headers_server_response=settings.capture_response_headers,
        http_capture_headers_sanitize_fields=settings.sanitize_headers,
    )
    edge = Edge(application, _with_pipeline(options, pipeline))
    if settings.debug and pipeline is not None and pipeline.folding is not None:
        from telemetry.asgi.server_timing import ServerTiming

        edge.app = ServerTiming(edge.app, pipeline.folding.queries)
    if settings.sentry is not None:
        from telemetry.errors.sentry.isolation import Isolation

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
    pipeline = _require_configured("report_errors").pipeline
    # Standard output is the command's own.
    state.log_stream = "stderr"
    if pipeline is not None:
        pipeline.start_errors()


def flush(timeout: float | None = None) -> int:
    """Send what is in flight, for at most ``timeout`` seconds (TELEMETRY_SHUTDOWN_TIMEOUT).

    The edge does this when a server stops; a script that ends by itself need not
    call it either. Safe to call again and from several threads. It blocks: a
    coroutine calls it by ``asyncio.to_thread``. Returns how many spans, log
    records and error events have not been delivered since the start.
    """
    pipeline = _pipeline()
    return 0 if pipeline is None else pipeline.flush(timeout)


def start_for_tests() -> None:
    """Start what a server's worker starts, errors included, and send what there is.

    For `telemetry.testing.Capture`: whoever is tested serves nothing, or through an edge that
    has seen no lifespan.
    """
    pipeline = _pipeline()
    if pipeline is not None:
        pipeline.start()
        pipeline.flush()


def export_states() -> dict[str, str]:
    """Whether what was exported last has arrived, by signal: for a page of the host's health.

    Of traces and logs, where they go anywhere: ``idle`` before the first export,
    ``delivering`` or ``failing``; where a signal has several destinations, the worst.
    """
    pipeline = _pipeline()
    return {} if pipeline is None else dict(pipeline.export_states())


def _with_pipeline(options: EdgeOptions, pipeline: Pipeline | None) -> EdgeOptions:
    """The options with what a pipeline starts, stops and knows; without one, ids alone."""
    if pipeline is None:
        from telemetry.datasette.tracer import DatasetteTracer
        from telemetry.registry.datasette import SCOPE
        from telemetry.traces.unrecorded import unrecorded_tracer

        return replace(options, tracer=unrecorded_tracer({SCOPE: DatasetteTracer}))
    from telemetry.export.flushing import off_the_loop
    from telemetry.metrics.loop_delay import LoopDelay

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

    return replace(
        options,
        started=started,
        stopping=stopping,
        ready=ready,
        was_kept=pipeline.was_kept,
        site_labels=pipeline.site_labels,
    )


def _configured() -> _Configured | None:
    configured: _Configured | None = state.configured
    return configured


def _pipeline() -> Pipeline | None:
    configured = _configured()
    return None if configured is None else configured.pipeline


def _require_configured(caller: str) -> _Configured:
    configured = _configured()
    if configured is None:
        raise TelemetryError(
            f"telemetry.{caller}() came before telemetry.configure(): call configure() first, "
            "at the top of the host's asgi.py"
        )
    return configured


def _load_django_settings() -> None:
    """Import Django's settings, as its application does next; not while they are being imported."""
    if importlib.util.find_spec("django") is not None:
        from telemetry.django.instrumentor import settings_are_due

        if settings_are_due():
            from django.conf import settings

            settings.LOGGING  # noqa: B018 # a lazy object: this loads it


def _instrument_all(settings: Settings, *, again: bool) -> None:
    """Instrument the frameworks that are installed.

    Raises:
        InstrumentationError: when it comes too early, too late or again.
    """
    if again:
        raise InstrumentationError(
            "telemetry.instrument() was called twice: call it once, between Django's settings "
            "and its application"
        )
    if importlib.util.find_spec("datasette") is not None:
        from telemetry.datasette.instrumentor import DatasetteInstrumentor

        datasette = DatasetteInstrumentor()
        if not datasette.is_instrumented_by_opentelemetry:
            datasette.instrument(recording=settings.active)
    if settings.debug and settings.active:
        from telemetry.asgi.server_timing import measure_templates

        measure_templates()
    if settings.django_instrument and importlib.util.find_spec("django") is not None:
        from telemetry.django.instrumentor import DjangoInstrumentor

        DjangoInstrumentor().instrument(
            excluded_urls=settings.django_excluded_urls,
            middleware_position=settings.django_middleware_position,
            traced_request_attributes=settings.django_request_attributes,
        )
