"""Variables of OpenTelemetry that have no effect here, and those that other packages read.

A variable that is set and not declared is named once at start-up, unless another package honours
it.
"""

from __future__ import annotations

import difflib
import re
from importlib import util
from typing import TYPE_CHECKING

from telemetry.settings.variables import PROPAGATORS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping

_CONFIGURATOR = "only the configurator of OpenTelemetry's SDK reads it, which is not used"

UNUSED: Mapping[str, str] = {
    "OTEL_EXPERIMENTAL_CONFIG_FILE": "configuration is by variables",
    "OTEL_EXPORTER_ZIPKIN_ENDPOINT": "OpenTelemetry has no exporter for Zipkin any more",
    "OTEL_EXPORTER_ZIPKIN_TIMEOUT": "OpenTelemetry has no exporter for Zipkin any more",
    "OTEL_LOG_LEVEL": "LOGLEVEL sets the levels of loggers, opentelemetry's too",
    "OTEL_PYTHON_INSTRUMENTATION_HTTP_CAPTURE_ALL_METHODS": "methods that RFC 9110 does not define "
    "are recorded as _OTHER, since a client could make names without end",
    "OTEL_PYTHON_LOGGER_CONFIGURATOR": _CONFIGURATOR,
    "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED": _CONFIGURATOR,
    "OTEL_PYTHON_METER_CONFIGURATOR": _CONFIGURATOR,
    "OTEL_PYTHON_TRACER_CONFIGURATOR": _CONFIGURATOR,
    "OTEL_SERVICE_VERSION": "OTEL_RESOURCE_ATTRIBUTES=service.version=... sets the release",
}
"""By name, why a variable has no effect."""

HONOURED: Mapping[str, str] = {
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "instrumentations of language models",
    "OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT": "instrumentations of language models",
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST": "instrumentations of HTTP clients",
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_RESPONSE": "instrumentations of HTTP clients",
    "OTEL_PYTHON_AUTO_INSTRUMENTATION_EXPERIMENTAL_GEVENT_PATCH": "opentelemetry-instrument",
    "OTEL_PYTHON_CONFIGURATOR": "opentelemetry-instrument",
    "OTEL_PYTHON_DISTRO": "opentelemetry-instrument",
    "OTEL_PYTHON_SYSTEM_METRICS_EXCLUDED_METRICS": "contrib's metrics of the process",
    "OTEL_SEMCONV_STABILITY_OPT_IN": "other instrumentations; the edge has the stable names",
}
"""By name, what honours a variable that this layer does not read."""

OF_LOGGING = frozenset(
    {"OTEL_PYTHON_LOG_CORRELATION", "OTEL_PYTHON_LOG_FORMAT", "OTEL_PYTHON_LOG_LEVEL"}
)
"""Those of contrib's instrumentation of logging, which need not be installed."""

# Those of other instrumentations, which the host may have.
_OF_INSTRUMENTATIONS = re.compile("OTEL_(PYTHON|INSTRUMENTATION|SEMCONV)_")
_LOGFIRE = "this layer does not run Logfire's SDK"


def without_effect(environ: Mapping[str, str], declared: set[str]) -> Iterator[str]:
    """Yield a note for each variable that is set and has no effect.

    Args:
        environ: All variables.
        declared: Names of the variables that are read.
    """
    for name in sorted(environ):
        if name in declared or name in HONOURED or not environ[name].strip():
            continue
        if name in UNUSED:
            yield f"{name} is set and not used: {UNUSED[name]}"
        elif name in OF_LOGGING:
            if util.find_spec("opentelemetry.instrumentation.logging") is None:
                yield (
                    f"{name} is set and not used: opentelemetry-instrumentation-logging is not "
                    "installed; lines of telemetry.logging_config() have the trace"
                )
        elif name.startswith("LOGFIRE_"):
            yield f"{name} is set and not used: {_LOGFIRE}"
        elif name.startswith(("TELEMETRY_", "OTEL_")):
            # A name of an instrumentation that is near to one of another is no slip.
            near = 0.95 if _OF_INSTRUMENTATIONS.match(name) else 0.6
            close = difflib.get_close_matches(name, {*declared, *HONOURED}, n=1, cutoff=near)
            if close or not _OF_INSTRUMENTATIONS.match(name):
                hint = f"; did you mean {close[0]}?" if close else ""
                yield f"{name} is set and not known{hint}"


def normalise(environ: MutableMapping[str, str], propagators: tuple[str, ...]) -> None:
    """Write the variables that OpenTelemetry's packages read themselves as they can read them.

    The specification has an empty variable count as unset, and the API and the SDK fail for some
    that are: when they are imported, or in a worker.

    Args:
        environ: ``os.environ``.
        propagators: The value of OTEL_PROPAGATORS, which the API reads when it is imported.
    """
    for name in [name for name in environ if name.startswith("OTEL_")]:
        if not environ[name].strip():
            del environ[name]
    if PROPAGATORS in environ or propagators != PROPAGATORS.default:
        environ[PROPAGATORS] = ",".join(propagators)
