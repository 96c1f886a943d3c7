"""Private API of other packages: each name that telemetry uses, and what is lost without it.

A name is private here if its package does not document it, or if telemetry replaces it. Any
release may rename it. So each has one entry below, is looked up only through this module, and
may be missing: one warning then names what is lost, and the host starts and serves its pages.
`tests/telemetry/test_private_api.py` takes each entry away from a real host, and fails on a
private name that is used without an entry.

Not private, though the names begin with an underscore: ``opentelemetry._logs`` and
``opentelemetry.sdk._logs``. OpenTelemetry documents them: the underscore says that the logs signal
is not declared stable. Python documents ``_thread`` and ``sys._current_frames``.
``datasette.plugins.pm`` is in Datasette's documentation of plugins' tests.
The local viewer uses ``datasette_otel_viewer.store``; it runs in a separate environment, where the
release is pinned.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
import platform
import sys
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Lock
from types import ModuleType, NoneType
from typing import Any, Generic, TypeVar

from telemetry.forks import renew_in_children

logger = logging.getLogger("telemetry")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class PrivateName(Generic[T]):
    """One entry: a private name, and what telemetry uses it for."""

    distribution: str
    module: str
    path: str
    """Within the module, dotted."""
    purpose: str
    """Completes "It is used to ..."."""
    lost: str
    """Completes "Without it, ..."."""
    kind: Any = Callable
    """What it must be an instance of: a class, or several."""
    reported_elsewhere: bool = False
    """Whether another warning reports a missing module at start-up."""
    releases: str = ""
    """The releases in which it is used; empty for all that are supported."""

    def __str__(self) -> str:
        return f"{self.module}.{self.path}"


_ABSENT: Any = object()
_lock = Lock()
renew_in_children(sys.modules[__name__], "_lock")
_holders: dict[PrivateName[Any], Any] = {}
_values: dict[PrivateName[Any], Any] = {}
_reported: set[PrivateName[Any]] = set()


def get(name: PrivateName[T], owner: object = None) -> T | None:
    """The object of that name, or None.

    Args:
        name: an entry.
        owner: the object that has the attribute, for a name that only instances have. Without it
            the name is looked up once and cached; None until the host has imported the package.
    """
    if owner is not None:
        found = getattr(owner, _last(name), _ABSENT)
        return found if _is_usable(name, found) else None
    try:
        known: T | None = _values[name]
    except KeyError:
        return None if holder(name) is None else _values[name]
    return known


def holder(name: PrivateName[Any]) -> Any:
    """The module or class that has the name, or None. Does not import another package."""
    if name not in _holders:
        if name.module.partition(".")[0] not in sys.modules:
            return None
        _holders[name], _values[name] = _resolved(name)
    return _holders[name]


def replace(name: PrivateName[Any], value: object, owner: object = None) -> bool:
    """Assign another object to the name; False if the name is missing.

    Args:
        name: an entry.
        value: the other object.
        owner: as in `get`.
    """
    if owner is None:
        owner = holder(name)
    elif not _is_usable(name, getattr(owner, _last(name), _ABSENT)):
        owner = None
    if owner is None:
        return False
    try:
        setattr(owner, _last(name), value)
    except Exception as error:  # noqa: BLE001 # another release may raise anything
        report_unusable(name, error)
        return False
    return True


def call(name: PrivateName[Callable[..., T]], owner: object, *args: Any) -> T | None:
    """Call a method of that name; None if it is missing or fails."""
    method = get(name, owner)
    if method is None:
        return None
    try:
        return method(*args)
    except Exception as error:  # noqa: BLE001 # another release may raise anything
        report_unusable(name, error)
        return None


def report_unusable(name: PrivateName[Any], error: Exception | None = None) -> None:
    """Log, once for each name, that it is missing or fails."""
    with _lock:
        first = name not in _reported
        _reported.add(name)
    if first:
        logger.warning(
            "%s %s %s %s, which is used to %s. Without it, %s.",
            name.distribution,
            _version(name),
            "has no usable" if error is None else f"fails ({type(error).__name__}: {error}) in",
            name,
            name.purpose,
            name.lost,
        )


def _resolved(name: PrivateName[Any]) -> tuple[Any, Any]:
    try:
        found: Any = sys.modules.get(name.module) or importlib.import_module(name.module)
    except Exception as error:  # noqa: BLE001 # another release may raise anything
        if not (name.reported_elsewhere and isinstance(error, ModuleNotFoundError)):
            report_unusable(name)
        return None, None
    parent = None
    for part in name.path.split("."):
        parent, found = found, getattr(found, part, _ABSENT)
    return (parent, found) if _is_usable(name, found) else (None, None)


def _is_usable(name: PrivateName[Any], found: object) -> bool:
    if found is not _ABSENT and isinstance(found, name.kind):
        return True
    report_unusable(name)
    return False


def _last(name: PrivateName[Any]) -> str:
    return name.path.rpartition(".")[2]


def _version(name: PrivateName[Any]) -> str:
    if name.distribution == "Python":
        return platform.python_version()
    version = getattr(sys.modules.get(name.module.partition(".")[0]), "__version__", None)
    if isinstance(version, str):
        return version
    try:
        return importlib.metadata.version(name.distribution)
    except importlib.metadata.PackageNotFoundError:
        return "of an unknown version"


# --- Datasette

DATASETTE_CLIENT: PrivateName[ContextVar[bool]] = PrivateName(
    "datasette",
    "datasette.app",
    "_in_datasette_client",
    "recognise a plugin's datasette.client calls",
    "such a call has no span, and its route replaces the route of the request that makes it",
    # The attribute with the same meaning is set after the span is started, which is too late.
    kind=ContextVar,
)
DATASETTE_INSTANCES: PrivateName[Callable[[], Any]] = PrivateName(
    "datasette",
    "datasette.telemetry",
    "_live_instances",
    "count the instances of Datasette",
    "there is no metric corkboard.datasette.instances",
    reported_elsewhere=True,
)
DATASETTE_EXTRACT: PrivateName[Callable[..., Any]] = PrivateName(
    "datasette",
    "datasette.telemetry",
    "extract",
    "not parse a client's trace context again behind the edge",
    "OpenTelemetry logs a client's baggage that it can't parse, of kilobytes",
    reported_elsewhere=True,
)
DATASETTE_RICH: PrivateName[ModuleType | None] = PrivateName(
    "datasette",
    "datasette.handle_exception",
    "rich",
    "stop Datasette printing the local variables of each failed request",
    "they are printed where rich is installed, cookies and credentials included",
    kind=(ModuleType, NoneType),
)
DATASETTE_TRACEBACK: PrivateName[ModuleType] = PrivateName(
    "datasette",
    "datasette.handle_exception",
    "traceback",
    "stop Datasette printing the traceback of an exception that telemetry logs",
    "each traceback is printed on standard error as well",
    kind=ModuleType,
)
DATASETTE_DATABASE_OUTPUT: PrivateName[ModuleType] = PrivateName(
    "datasette",
    "datasette.database",
    "sys",
    "stop Datasette printing SQL statements that fail",
    "statements and parameters that visitors typed are printed on standard error",
    kind=ModuleType,
)
DATASETTE_VIEW_OUTPUT: PrivateName[ModuleType] = PrivateName(
    "datasette",
    "datasette.views.base",
    "sys",
    "log what Datasette prints of an exception within a CSV file",
    "it is printed on standard error, not redacted",
    kind=ModuleType,
)
DATASETTE_FACETS: PrivateName[Callable[..., Any]] = PrivateName(
    "datasette",
    "datasette.views.table",
    "run_sequential",
    "close the coroutines of facets that a failed table page leaves unawaited",
    "Python prints a RuntimeWarning for each of them",
)
DATASETTE_TEMPLATES: PrivateName[Callable[..., Any]] = PrivateName(
    "datasette",
    "datasette.app",
    "Datasette.render_template",
    "measure templates under DEBUG",
    "the Server-Timing header has no time of Datasette's templates",
)

# Documented, but for the routes. They are wrapped in releases without telemetry of their own.
_OLDER = "before 1.0a41"
_NO_ROUTE = "requests that Datasette serves have no route"
_NO_SQL = "their spans and the query statistics name a function of Datasette's in place of the SQL"
_NO_SPAN = "they have no spans and are not in the query statistics"


def _older(module: str, path: str, purpose: str, lost: str) -> PrivateName[Callable[..., Any]]:
    return PrivateName("datasette", module, path, purpose, lost, releases=_OLDER)


DATASETTE_ROUTER: PrivateName[type[Any]] = PrivateName(
    "datasette",
    "datasette.app",
    "DatasetteRouter",
    "find an application that was made before telemetry.instrument() was called",
    "a call that comes too late is not an error, and that application's routes are not recorded",
    kind=type,
    releases=_OLDER,
)
DATASETTE_APP = _older("datasette.app", "Datasette.app", "record requests", _NO_ROUTE)
DATASETTE_ROUTES = _older(
    "datasette.app", "resolve_routes", "read the route of a request", _NO_ROUTE
)
DATASETTE_STARTUP = _older(
    "datasette.app",
    "Datasette.invoke_startup",
    "record the start of an instance",
    "each query of a start that no request waits for is a trace of its own",
)
DATASETTE_EXECUTE = _older(
    "datasette.database", "Database.execute", "record the SQL of queries", _NO_SQL
)
DATASETTE_EXECUTE_FN = _older(
    "datasette.database", "Database.execute_fn", "record functions that read", _NO_SPAN
)
DATASETTE_EXECUTE_WRITE = _older(
    "datasette.database", "Database.execute_write", "record the SQL of writes", _NO_SQL
)
DATASETTE_EXECUTE_WRITE_SCRIPT = _older(
    "datasette.database", "Database.execute_write_script", "record the SQL of scripts", _NO_SQL
)
DATASETTE_EXECUTE_WRITE_MANY = _older(
    "datasette.database", "Database.execute_write_many", "record the SQL of many writes", _NO_SQL
)
DATASETTE_EXECUTE_WRITE_FN = _older(
    "datasette.database", "Database.execute_write_fn", "record functions that write", _NO_SPAN
)
DATASETTE_EXECUTE_ISOLATED_FN = _older(
    "datasette.database",
    "Database.execute_isolated_fn",
    "record functions that run on a connection of their own",
    _NO_SPAN,
)

# --- Django

DJANGO_APPLICATION: PrivateName[Any] = PrivateName(
    "django",
    "django.core.handlers.base",
    "BaseHandler._middleware_chain",
    "find an application that was made before telemetry.instrument() was called",
    "a call that comes too late is not an error, and Django's routes and views are not recorded",
    kind=object,
)
DJANGO_TEMPLATES: PrivateName[Callable[..., Any]] = PrivateName(
    "django",
    "django.template.backends.django",
    "Template.render",
    "measure templates under DEBUG",
    "the Server-Timing header has no time of Django's templates",
)

# --- OpenTelemetry's API and SDK

TRACER_RESOURCE: PrivateName[Callable[..., Any]] = PrivateName(
    "opentelemetry-sdk",
    "opentelemetry.sdk.trace",
    "TracerProvider._update_resource",
    "name the service as the host does, where opentelemetry-instrument has configured telemetry",
    "spans and metrics have the name that OpenTelemetry found",
)
LOGGER_RESOURCE: PrivateName[Callable[..., Any]] = PrivateName(
    "opentelemetry-sdk",
    "opentelemetry.sdk._logs",
    "LoggerProvider._update_resource",
    "give log records the service name and the instance id that spans have",
    "log records may have another service.name and service.instance.id than spans",
)

SDK_SPAN: PrivateName[type[Any]] = PrivateName(
    "opentelemetry-sdk",
    "opentelemetry.sdk.trace",
    "_Span",
    "measure spans by the monotonic clock",
    "each span takes a microsecond longer",
    kind=type,
)
METER_RESOURCE: PrivateName[Callable[..., Any]] = PrivateName(
    "opentelemetry-sdk",
    "opentelemetry.sdk.metrics",
    "MeterProvider._update_resource",
    "give metrics of a forked process the instance id that its spans have",
    "they have another service.instance.id than its spans",
)

_SLOWER = "each measurement of a request or a query takes several microseconds longer"


def _of_reader(name: str, purpose: str) -> PrivateName[Any]:
    path = f"MetricReader.{name}"
    return PrivateName(
        "opentelemetry-sdk", "opentelemetry.sdk.metrics.export", path, purpose, _SLOWER, kind=object
    )


# The SDK documents it as meant to be overridden; here a reader's own is wrapped.
READER_RECEIVE = _of_reader("_receive_metrics", "add measurements to what a reader collects")
READER_TEMPORALITY = _of_reader(
    "_instrument_class_temporality", "measure with the temporality that a reader asks for"
)
READER_AGGREGATION = _of_reader(
    "_instrument_class_aggregation", "measure with the aggregation that a reader asks for"
)
READER_LIMITS = _of_reader(
    "_instrument_class_cardinality_limit", "measure as many series as a reader asks for"
)

# --- gRPC

GRPC_CHANNEL: PrivateName[type] = PrivateName(
    "grpcio",
    "grpc._channel",
    "_UnaryUnaryMultiCallable",
    "import what gRPC imports for its first channel before the thread that sends is started",
    "a process that is forked while that thread imports it can never send over gRPC",
    kind=type,
)

# --- Python

_CHILDREN = "what a child of multiprocessing recorded is lost when it ends, and so is its crash"

MULTIPROCESSING_CHILD: PrivateName[Callable[..., Any]] = PrivateName(
    "Python",
    "multiprocessing.util",
    "register_after_fork",
    "prepare each child of multiprocessing",
    _CHILDREN,
)
MULTIPROCESSING_END: PrivateName[Callable[..., Any]] = PrivateName(
    "Python",
    "multiprocessing.util",
    "Finalize",
    "deliver at the end of each child of multiprocessing",
    _CHILDREN,
)

# --- Logfire

_OF_SPANS = "logfire.span(), logfire.info() and the like send nothing"
_OF_LOGS = "the log records of Logfire's integrations are not sent"
_OF_METRICS = "metrics that are made by logfire.metric_counter() and the like are not sent"

LOGFIRE_CONFIG: PrivateName[Any] = PrivateName(
    "logfire",
    "logfire",
    "DEFAULT_LOGFIRE_INSTANCE.config",
    "connect Logfire's functions to this process's telemetry",
    "what they are given is not sent",
    kind=object,
)
LOGFIRE_TRACER_PROVIDER: PrivateName[Callable[[], Any]] = PrivateName(
    "logfire",
    "logfire._internal.config",
    "LogfireConfig.get_tracer_provider",
    "send spans of Logfire's functions",
    _OF_SPANS,
)
LOGFIRE_SET_TRACER_PROVIDER: PrivateName[Callable[..., Any]] = PrivateName(
    "logfire",
    "logfire._internal.tracer",
    "ProxyTracerProvider.set_provider",
    "send spans of Logfire's functions",
    _OF_SPANS,
)
LOGFIRE_LOGGER_PROVIDER: PrivateName[Callable[[], Any]] = PrivateName(
    "logfire",
    "logfire._internal.config",
    "LogfireConfig.get_logger_provider",
    "send log records of Logfire's integrations",
    _OF_LOGS,
)
LOGFIRE_SET_LOGGER_PROVIDER: PrivateName[Callable[..., Any]] = PrivateName(
    "logfire",
    "logfire._internal.logs",
    "ProxyLoggerProvider.set_provider",
    "send log records of Logfire's integrations",
    _OF_LOGS,
)
LOGFIRE_METER_PROVIDER: PrivateName[Callable[[], Any]] = PrivateName(
    "logfire",
    "logfire._internal.config",
    "LogfireConfig.get_meter_provider",
    "send metrics of Logfire's functions",
    _OF_METRICS,
)
LOGFIRE_SET_METER_PROVIDER: PrivateName[Callable[..., Any]] = PrivateName(
    "logfire",
    "logfire._internal.metrics",
    "ProxyMeterProvider.set_meter_provider",
    "send metrics of Logfire's functions",
    _OF_METRICS,
)
LOGFIRE_UNCONFIGURED: PrivateName[Any] = PrivateName(
    "logfire",
    "logfire._internal.config",
    "LogfireConfig.ignore_no_config",
    "stop Logfire warning that logfire.configure() was not called",
    "it warns, although what its functions are given is sent",
    kind=object,
)
LOGFIRE_ADVANCED: PrivateName[Any] = PrivateName(
    "logfire",
    "logfire._internal.config",
    "LogfireConfig.advanced",
    "stop logfire.configure() sending a span of Logfire's own configuration",
    "a library that calls it sends one",
    kind=object,
)
LOGFIRE_CONFIGURATION_SPAN: PrivateName[Any] = PrivateName(
    "logfire",
    "logfire._internal.config",
    "AdvancedOptions.emit_configuration_span",
    "stop logfire.configure() sending a span of Logfire's own configuration",
    "a library that calls it sends one",
    kind=object,
)
LOGFIRE_CONFIGURE: PrivateName[Callable[..., Any]] = PrivateName(
    "logfire",
    "logfire._internal.config",
    "LogfireConfig.configure",
    "ignore logfire.configure(), since the environment configures telemetry",
    "a library that calls it shuts telemetry's providers down",
)
LOGFIRE_SHUTDOWN: PrivateName[Callable[..., Any]] = PrivateName(
    "logfire",
    "logfire._internal.config",
    "LogfireConfig.shutdown",
    "ignore logfire.shutdown(), since telemetry ends with the process",
    "a library that calls it shuts telemetry's providers down",
)
LOGFIRE_FLUSH: PrivateName[Callable[..., Any]] = PrivateName(
    "logfire",
    "logfire._internal.config",
    "LogfireConfig.force_flush",
    "bound the time that logfire.force_flush() takes",
    "it may take half a minute where a backend is away",
)

# --- Sentry

SENTRY_LINK: PrivateName[Callable[..., Any]] = PrivateName(
    "sentry-sdk",
    "sentry_sdk.scope",
    "register_external_propagation_context",
    "give check-ins and other items, which the host sends by sentry_sdk, the current trace",
    "they have none; error events have it",
)
SENTRY_EVENT: PrivateName[Callable[..., Any]] = PrivateName(
    "sentry-sdk",
    "sentry_sdk.utils",
    "event_from_exception",
    "mark an exception as unhandled, and give it the request in which its thread was started",
    "error events are marked as handled, and those of threads have no request",
)
SENTRY_LOG_HANDLER: PrivateName[logging.Handler] = PrivateName(
    "sentry-sdk",
    "sentry_sdk.integrations.logging",
    "LoggingIntegration._handler",
    "make no events of log records that are not sent",
    "such events are made and then dropped, which takes longer",
    kind=logging.Handler,
)
# Documented, and replaced in each client that a host initialises.
SENTRY_CAPTURE: PrivateName[Callable[..., Any]] = PrivateName(
    "sentry-sdk",
    "sentry_sdk.client",
    "_Client.capture_event",
    "notice the error events that a host's client drops",
    "the id of an event that before_send drops is on its request's span",
)
SENTRY_ISOLATION_SCOPE: PrivateName[ContextVar[Any]] = PrivateName(
    "sentry-sdk",
    "sentry_sdk.scope",
    "_isolation_scope",
    "make Sentry's scopes only for requests that read them",
    "they are made for each request, which takes longer",
    kind=ContextVar,
)
SENTRY_CURRENT_SCOPE: PrivateName[ContextVar[Any]] = PrivateName(
    "sentry-sdk",
    "sentry_sdk.scope",
    "_current_scope",
    "make Sentry's scopes only for requests that read them",
    "they are made for each request, which takes longer",
    kind=ContextVar,
)

TABLE: dict[str, PrivateName[Any]] = {
    key: value for key, value in list(globals().items()) if isinstance(value, PrivateName)
}
"""Every entry, by the name of its constant."""
