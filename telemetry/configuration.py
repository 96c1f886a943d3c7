"""The functions that a host calls to set telemetry up. `configure()` is idempotent."""

from __future__ import annotations

import importlib.util
import logging
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from telemetry import failsafe
from telemetry.exceptions import InstrumentationError, TelemetryError
from telemetry.logs.config import lines_in_use
from telemetry.logs.startup import enable_loggers, hold_messages, release_messages
from telemetry.settings import Settings, read_settings
from telemetry.settings.names import normalise
from telemetry.state import state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.asgi.options import EdgeOptions
    from telemetry.pipeline import Pipeline
    from telemetry.scope import AnyASGIApp

logger = logging.getLogger("telemetry")

# Logfire's pydantic plugin: where logfire is installed, Datasette's models import
# all of logfire without using it, which takes 0.7 s and 18 MB in each process.
PYDANTIC_PLUGINS = "PYDANTIC_DISABLE_PLUGINS"
LOGFIRE_PLUGIN = "logfire-plugin"

# Names in OTEL_PYTHON_DISABLED_INSTRUMENTATIONS: the packages', and those of our entry points.
_DATASETTE = frozenset({"*", "datasette", "corkboard_datasette"})
_DJANGO = frozenset({"*", "django", "corkboard_django"})


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
    """Read the environment and set up telemetry accordingly.

    Call it first, before the frameworks are imported. A second call returns the
    settings of the first one and changes nothing. If no telemetry is configured, no
    SDK is imported and no thread is started.

    Args:
        environ: the variables; ``os.environ`` unless given.
        default_service_name: the service name, if no variable sets one.
        debug: the host's debug mode; None reads ``DEBUG``.

    Returns:
        What was read. Of its attributes, ``active`` (whether anything is configured),
        ``service_name``, ``release``, ``environment`` and ``debug`` are public.

    Raises:
        ConfigurationError: if any variable is invalid; names all of them.
        TelemetryError: if another OpenTelemetry provider is installed already.

    Example:
        >>> settings = telemetry.configure({}, default_service_name="my-host")
        >>> settings.service_name
        'my-host'
        >>> settings.active
        False
    """
    configured = _configured()
    if configured is not None:
        settings, pipeline = configured.settings, configured.pipeline
        if default_service_name and settings.names_itself and pipeline is not None:
            # opentelemetry-instrument calls configure() before the host's code runs.
            pipeline.name_service(default_service_name)
        return settings
    settings = read_settings(
        os.environ if environ is None else environ,
        default_service_name=default_service_name,
        debug=debug,
    )
    os.environ.setdefault(PYDANTIC_PLUGINS, LOGFIRE_PLUGIN)
    normalise(os.environ, settings.propagators)
    hold_messages()
    failsafe.raise_failures(settings.raise_failures)
    state.export_access_lines = settings.access_log == "all"
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
    """Instrument Django and Datasette, if they are installed.

    Call it when Django's settings can be imported, and before Django's application is
    created. Does nothing if no telemetry is configured and the host does not use
    `logging_config`.

    Raises:
        TelemetryError: if `configure` was not called before.
        InstrumentationError: if it is called too early, too late or twice.

    Example:
        >>> settings = telemetry.configure()
        >>> telemetry.instrument()
    """
    configured = _require_configured("instrument")
    if configured.pipeline is None:
        # The settings are where a host calls `logging_config`.
        _load_django_settings()
        if not state.own_log_lines:
            return
    _instrument_all(configured.settings, again=state.instrumented)
    state.instrumented = True


def asgi_wrapper(application: AnyASGIApp) -> Any:
    """Wrap the whole ASGI application in the edge, which traces and measures requests.

    Returns the application unchanged if no telemetry is configured and the host does
    not use `logging_config`.

    Raises:
        TelemetryError: if `configure` was not called before.
        InstrumentationError: if the application is wrapped already.

    Example:
        >>> async def application(scope, receive, send):
        ...     await send({"type": "http.response.start", "status": 204, "headers": []})
        ...     await send({"type": "http.response.body", "body": b""})
        >>> settings = telemetry.configure()
        >>> application = telemetry.asgi_wrapper(application)
    """
    configured = _require_configured("asgi_wrapper")
    enable_loggers()
    release_messages()
    settings, pipeline = configured.settings, configured.pipeline
    _check_log_lines()
    if pipeline is None and not state.own_log_lines:
        return application
    from telemetry.asgi.edge import Edge
    from telemetry.asgi.options import EdgeOptions
    from telemetry.asgi.trust import Trust

    options = EdgeOptions(
        trust=Trust(settings.traceparent, settings.trust_secret),
        excluded_urls=settings.excluded_urls,
        # Empty if it equals the general list, which is matched already.
        datasette_excluded_urls=settings.datasette_excluded_urls
        if settings.datasette_excluded_urls != settings.excluded_urls
        else "",
        untraced_paths=settings.untraced_paths,
        unlogged_paths=settings.unlogged_paths,
        server_timing=settings.server_timing,
        client_address=settings.client_address,
        user_agent=settings.user_agent,
        query_string=True,
        event_url=settings.sentry.event_url if settings.sentry is not None else None,
        access_log=_has_access_log(settings),
        http_capture_headers_server_request=settings.capture_request_headers,
        http_capture_headers_server_response=settings.capture_response_headers,
        http_capture_headers_sanitize_fields=settings.sanitize_headers,
    )
    edge = Edge(application, _with_pipeline(options, pipeline))
    if settings.debug and pipeline is not None and pipeline.folding is not None:
        from telemetry.asgi.server_timing import ServerTiming

        edge.app = ServerTiming(edge.app, pipeline.folding.queries)
    if pipeline is not None and importlib.util.find_spec("sentry_sdk") is not None:
        from telemetry.errors.sentry.isolation import Isolation

        edge.app = Isolation(edge.app, pipeline.has_hosts_errors)
    return edge


def report_errors() -> None:
    """Report this process's errors from now on, if SENTRY_DSN is set.

    For processes that serve no requests: ``manage.py``, a script, a queue's worker. A
    server's workers start error tracking without this call. Log records are exported
    from now on, and the lines of `logging_config` go to standard error.

    Raises:
        TelemetryError: if `configure` was not called before.

    Example:
        >>> settings = telemetry.configure(default_service_name="nightly-import")
        >>> telemetry.report_errors()
    """
    pipeline = _require_configured("report_errors").pipeline
    # Standard output is for the command's output.
    state.log_stream = "stderr"
    if pipeline is not None:
        pipeline.start_errors()


def flush(timeout: float | None = None) -> int:
    """Send pending telemetry, for at most ``timeout`` seconds (TELEMETRY_SHUTDOWN_TIMEOUT).

    The edge calls it when a server stops, and an exit handler when a script ends. It can
    be called repeatedly and from several threads. It blocks: call it from a coroutine by
    ``asyncio.to_thread``. It takes any number of seconds, and waits for at most a day. Returns
    the number of spans, log records and error events that have not been delivered since the
    start.

    Example:
        >>> telemetry.flush(timeout=5)
        0
    """
    pipeline = _pipeline()
    return 0 if pipeline is None else pipeline.flush(timeout)


def redact_event(event: Any, hint: Any) -> Any:
    """Redact an event of Sentry's SDK, for a host that calls ``sentry_sdk.init`` itself.

    Pass it as ``before_send`` and ``before_send_transaction``. It does what telemetry does to the
    events that it sends itself: no bodies, cookies, query strings and client addresses, only the
    headers that are configured to be captured, and redacted values.

    Returns:
        The event, or None, which drops it, if redaction fails.

    Example:
        >>> event = {"message": "no account for ann@example.org"}
        >>> telemetry.redact_event(event, {})["message"]
        'no account for [REDACTED]'
    """
    from telemetry.errors.sentry.redaction import BeforeSend
    from telemetry.redaction.redactor import Redactor

    configured = _configured()
    if configured is not None and configured.pipeline is not None:
        settings, redactor = configured.settings, configured.pipeline.redactor
    else:
        # A command of Django's may not call configure(). Then it redacts by the defaults.
        settings = read_settings({}) if configured is None else configured.settings
        redactor = Redactor(settings.redaction)
    return BeforeSend(settings, redactor)(event, hint)


def start_for_tests() -> None:
    """Start the pipeline and error tracking as a server's worker does, and flush.

    For `telemetry.testing.Capture`: the code under test serves no requests, or through an edge
    without a lifespan.
    """
    pipeline = _pipeline()
    if pipeline is not None:
        pipeline.start()
        pipeline.flush()


def export_states() -> dict[str, str]:
    """The state of the last export by signal, for a health check of the host.

    For ``traces`` and ``logs``, if they are exported: ``idle`` before the first export,
    ``delivering`` or ``failing``. A signal with several destinations has the worst state.

    Example:
        >>> settings = telemetry.configure({})
        >>> telemetry.export_states()
        {}
    """
    pipeline = _pipeline()
    return {} if pipeline is None else dict(pipeline.export_states())


def _with_pipeline(options: EdgeOptions, pipeline: Pipeline | None) -> EdgeOptions:
    """The options with the hooks of the pipeline. Without one, the edge only creates trace ids."""
    if pipeline is None:
        from telemetry.datasette.tracer import DatasetteTracer
        from telemetry.registry.datasette import SCOPE
        from telemetry.traces.unrecorded import unrecorded_tracer

        return replace(options, tracer=unrecorded_tracer({SCOPE: DatasetteTracer}))
    from telemetry.asgi.unannounced import flush_at_stop
    from telemetry.export.flushing import off_the_loop
    from telemetry.metrics.loop_delay import LoopDelay

    delay = LoopDelay() if pipeline.destinations["metrics"] else None
    # Whether the server's stop will be noticed.
    is_announced = False

    async def started() -> None:
        nonlocal is_announced
        is_announced = True
        ready()

    def unannounced() -> None:
        nonlocal is_announced
        is_announced = True
        flush_at_stop(lambda: pipeline.flush_provider(pipeline.settings.shutdown_timeout), stopping)

    def ready() -> None:
        # Called at each request.
        if not is_announced:
            unannounced()
        if not pipeline.is_started:
            pipeline.start()
        if pipeline.errors is not None:
            # The host may have initialised Sentry's SDK.
            pipeline.errors.watch()
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
        unannounced=unannounced,
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
    """Import Django's settings, unless they are imported already or are being imported."""
    if importlib.util.find_spec("django") is not None:
        from telemetry.django.instrumentor import settings_are_due

        if settings_are_due():
            from django.conf import settings

            settings.LOGGING  # noqa: B018 # a lazy object: this loads it


def _has_access_log(settings: Settings) -> bool:
    if not state.own_log_lines or settings.access_log == "none":
        return False
    # The console exporter shows the same for each request on standard output.
    return settings.access_log == "all" or not settings.prints_traces


def _check_log_lines() -> None:
    """Log a warning if `logging_config` was called and its lines are not in use."""
    if not state.own_log_lines or lines_in_use():
        return
    # Datasette's own messages are printed, and there is no access line.
    state.own_log_lines, state.log_lines_unused = False, True
    logger.warning(
        "telemetry.logging_config() was called and its handlers are not in use, so no access "
        "lines are written: Django ignores LOGGING where LOGGING_CONFIG is None. Pass the "
        "dictionary to logging.config.dictConfig(), or see docs/logs.md for your own format"
    )


def _instrument_all(settings: Settings, *, again: bool) -> None:
    """Instrument the frameworks that are installed.

    Raises:
        InstrumentationError: if it is called too early, too late or again.
    """
    if again:
        raise InstrumentationError(
            "telemetry.instrument() was called twice: call it once, between Django's settings "
            "and its application"
        )
    disabled = set(settings.disabled_instrumentations)
    if importlib.util.find_spec("datasette") is not None and not disabled & _DATASETTE:
        from telemetry.datasette.instrumentor import DatasetteInstrumentor

        datasette = DatasetteInstrumentor()
        if not datasette.is_instrumented_by_opentelemetry:
            datasette.instrument(recording=settings.active, queries=settings.datasette_queries)
    if settings.debug and settings.active:
        from telemetry.asgi.server_timing import measure_templates

        measure_templates()
    if (
        settings.django_instrument
        and importlib.util.find_spec("django") is not None
        and not disabled & _DJANGO
    ):
        from telemetry.django.instrumentor import DjangoInstrumentor

        DjangoInstrumentor().instrument(
            excluded_urls=settings.django_excluded_urls,
            middleware_position=settings.django_middleware_position,
            traced_request_attributes=settings.django_request_attributes,
        )
