"""The one place where the environment is read."""

from __future__ import annotations

import difflib
from dataclasses import replace
from importlib import metadata, util
from typing import TYPE_CHECKING, cast

from telemetry.exceptions import ConfigurationError
from telemetry.registry.names import Variable, entries
from telemetry.settings import identity, parse
from telemetry.settings import variables as v
from telemetry.settings.exporters import choose_exporters
from telemetry.settings.id_generator import read_id_generator
from telemetry.settings.logfire import HONOURED, read_destinations
from telemetry.settings.model import (
    MAX_ATTRIBUTE_LENGTH,
    UNLOGGED_PATHS,
    UNTRACED_PATHS,
    ConsoleMode,
    PrometheusSettings,
    Settings,
    Signal,
    TraceparentPolicy,
)
from telemetry.settings.otlp import read_otlp
from telemetry.settings.reader import Reader
from telemetry.settings.redaction import read_redaction
from telemetry.settings.sampler import read_sampler
from telemetry.settings.sentry import read_sentry, read_trace_url

if TYPE_CHECKING:
    from collections.abc import Mapping

_WHOLE_NUMBERS = (
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_BLRP_SCHEDULE_DELAY",
    "OTEL_BLRP_MAX_QUEUE_SIZE",
    "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
)

_LENGTHS = ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT")


def read_settings(
    environ: Mapping[str, str],
    *,
    default_service_name: str | None = None,
    debug: bool | None = None,
) -> Settings:
    """Read every variable.

    Args:
        environ: usually ``os.environ``.
        default_service_name: the host's own name, after every variable that names one.
        debug: whether the host runs in debug mode; None asks ``DEBUG``.

    Raises:
        ConfigurationError: naming every variable that can't be understood.
    """
    return read_by(Reader(environ), default_service_name=default_service_name, debug=debug)


def read_by(
    reader: Reader, *, default_service_name: str | None = None, debug: bool | None = None
) -> Settings:
    """As `read_settings`, by a reader that then knows which variables had what was read."""
    if debug is None:
        debug = identity.is_debug(reader)
    exporters = choose_exporters(reader, debug=debug)
    if reader.parsed(parse.boolean, False, v.SDK_DISABLED):
        # OpenTelemetry's three signals, as its specification says; errors are none of them.
        exporters = dict.fromkeys(exporters, ())
    logfire = any("logfire" in names for names in exporters.values())
    no_attributes: dict[str, str] = {}
    attributes = reader.parsed(parse.pairs, no_attributes, v.RESOURCE_ATTRIBUTES)
    reader.check(parse.patterns, v.EXCLUDED_URLS)

    def excluded(framework: str) -> str:
        variable = f"OTEL_PYTHON_{framework}_EXCLUDED_URLS"
        return reader.parsed(parse.patterns, "", variable, v.EXCLUDED_URLS)

    def pattern_list(variable: str) -> tuple[str, ...]:
        return parse.items(reader.parsed(parse.patterns, "", variable))

    settings = Settings(
        service_name=identity.read_service_name(reader, attributes, default_service_name),
        release=identity.read_release(reader, attributes),
        environment=identity.read_environment(reader, attributes, debug=debug),
        names_itself=not identity.is_named(reader, attributes, default_service_name),
        debug=debug,
        exporters=exporters,
        otlp={s: read_otlp(reader, s) for s, names in exporters.items() if "otlp" in names},
        logfire=read_destinations(reader, used=logfire),
        prometheus=PrometheusSettings(
            reader.text(v.PROMETHEUS_HOST) or "localhost",
            reader.parsed(_port, 9464, v.PROMETHEUS_PORT),
        ),
        sentry=read_sentry(reader),
        trace_url=read_trace_url(reader),
        resource_attributes=attributes,
        sampler=read_sampler(reader),
        id_generator=read_id_generator(reader),
        metric_interval=reader.parsed(_milliseconds, 60.0, v.METRIC_INTERVAL),
        traceparent=cast(
            TraceparentPolicy,
            reader.parsed(
                lambda value: parse.choice(value, ("link", "trust", "ignore")),
                "link",
                v.TRACEPARENT,
            ),
        ),
        trust_secret=reader.text(v.TRUST_SECRET),
        attribute_length=None if reader.supplier(*_LENGTHS) else MAX_ATTRIBUTE_LENGTH,
        fold_below=reader.parsed(parse.seconds, 0.025, v.FOLD_BELOW),
        slow=reader.parsed(parse.seconds, 5.0, v.SLOW),
        site_limit=reader.parsed(parse.whole, 100, v.SITE_LIMIT),
        shutdown_timeout=reader.parsed(parse.seconds, 2.0, v.SHUTDOWN_TIMEOUT),
        console=cast(
            ConsoleMode,
            reader.parsed(
                lambda value: parse.choice(value, ("tree", "compact", "off")), "tree", v.CONSOLE
            ),
        ),
        color=reader.text(v.NO_COLOR) is None,
        excluded_urls=excluded("ASGI"),
        django_excluded_urls=excluded("DJANGO"),
        datasette_excluded_urls=excluded("DATASETTE"),
        client_address=reader.parsed(parse.boolean, False, v.CLIENT_ADDRESS),
        user_agent=reader.parsed(parse.boolean, False, v.USER_AGENT),
        local_variables=reader.parsed(parse.boolean, False, v.LOCAL_VARIABLES),
        redaction=read_redaction(reader),
        untraced_paths=reader.parsed(_patterns_or_none, UNTRACED_PATHS, v.UNTRACED_PATHS),
        unlogged_paths=reader.parsed(_patterns_or_none, UNLOGGED_PATHS, v.UNLOGGED_PATHS),
        capture_request_headers=pattern_list(v.CAPTURE_REQUEST_HEADERS),
        capture_response_headers=pattern_list(v.CAPTURE_RESPONSE_HEADERS),
        sanitize_headers=pattern_list(v.SANITIZE_FIELDS),
        django_instrument=reader.parsed(parse.boolean, True, v.DJANGO_INSTRUMENT),
        django_middleware_position=reader.parsed(parse.whole, 0, v.DJANGO_POSITION),
        django_request_attributes=parse.items(reader.text(v.DJANGO_REQUEST_ATTRS) or ""),
        raise_failures=reader.parsed(parse.boolean, False, v.RAISE_FAILURES),
    )
    _check_whole_numbers(reader)
    _check_propagators(reader)
    _check_extras(reader, settings)
    if reader.problems:
        raise ConfigurationError(reader.problems)
    return _with_notes(settings, reader)


def _with_notes(settings: Settings, reader: Reader) -> Settings:
    notes = [*reader.notes, *_unused(reader)]
    if settings.debug and reader.text(v.LOGFIRE_TOKEN) and not settings.logfire:
        notes.append(
            "LOGFIRE_TOKEN is set and DEBUG is on: nothing is sent to Logfire; "
            "OTEL_TRACES_EXPORTER=logfire,console would"
        )
    return replace(settings, notes=tuple(notes))


def _unused(reader: Reader) -> list[str]:
    known = {str(variable) for variable in entries(v, Variable)}
    notes = []
    for name in sorted(reader.environ):
        if not reader.text(name):
            continue
        if name.startswith("LOGFIRE_") and name not in HONOURED:
            notes.append(f"{name} is set and not used: this layer does not run Logfire's SDK")
        elif name == "OTEL_CONFIG_FILE":
            notes.append(f"{name} is set and not used: configuration is by variables")
        elif name.startswith("TELEMETRY_") and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            notes.append(f"{name} is set and not known{hint}")
    return notes


def _check_whole_numbers(reader: Reader) -> None:
    for variable in _WHOLE_NUMBERS:
        reader.check(parse.whole, variable)


def _check_propagators(reader: Reader) -> None:
    given = reader.text(v.PROPAGATORS)
    if given is None:
        return
    # The API reads this when it is first imported and raises a bare ValueError.
    points = metadata.entry_points(group="opentelemetry_propagator")
    known = {point.name for point in points} | {"none"}
    unknown = [name for name in parse.items(given) if name not in known]
    if unknown:
        wanted = f"a comma list of {', '.join(sorted(known))} (not {', '.join(unknown)})"
        reader.problem(v.PROPAGATORS, given, wanted)


def _check_extras(reader: Reader, settings: Settings) -> None:
    for signal, otlp in settings.otlp.items():
        if otlp.protocol == "grpc" and not _installed("opentelemetry.exporter.otlp.proto.grpc"):
            name = _set_protocol(reader, signal)
            wanted = "its extra: pip install 'corkboard-telemetry[grpc]'"
            reader.problem(name, "grpc", wanted)
            break
    if "prometheus" in settings.exporters["metrics"] and not _installed(
        "opentelemetry.exporter.prometheus"
    ):
        wanted = "its extra: pip install 'corkboard-telemetry[prometheus]'"
        reader.problem(v.METRICS_EXPORTER, "prometheus", wanted)
    if settings.sentry is not None and not _installed("sentry_sdk"):
        wanted = "its extra: pip install 'corkboard-telemetry[sentry]'"
        reader.problem(v.SENTRY_DSN, "", wanted)


def _set_protocol(reader: Reader, signal: Signal) -> str:
    own = f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL"
    return own if reader.text(own) else str(v.OTLP_PROTOCOL)


def _installed(module: str) -> bool:
    try:
        return util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _patterns_or_none(value: str) -> str:
    return "" if value.lower() == "none" else parse.patterns(value)


def _port(value: str) -> int:
    port = parse.whole(value, least=1)
    if port > 65535:
        raise ValueError("a port from 1 to 65535")
    return port


def _milliseconds(value: str) -> float:
    return parse.number(value, least=1) / 1000
