"""Reads the environment. No other module does."""

from __future__ import annotations

import difflib
from dataclasses import replace
from importlib import util
from typing import TYPE_CHECKING

from telemetry.exceptions import ConfigurationError
from telemetry.settings import identity, passed_on
from telemetry.settings import variables as v
from telemetry.settings.exporters import choose_exporters
from telemetry.settings.logfire import read_projects
from telemetry.settings.model import PrometheusSettings, Settings, SpoolSettings, read_fields
from telemetry.settings.otlp import read_otlp
from telemetry.settings.reader import Reader
from telemetry.settings.redaction import read_redaction
from telemetry.settings.sampler import read_sampler
from telemetry.settings.sentry import read_sentry
from telemetry.settings.variable import declared

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.exceptions import Problem

_OF_OTLP = (
    v.GRPC_CREDENTIAL_PROVIDER,
    v.GRPC_RETRYABLE,
    v.TEMPORALITY,
    v.HISTOGRAM_AGGREGATION,
)
# Never used by this layer, whatever their value.
_UNUSED = {
    "LOGFIRE_": "this layer does not run Logfire's SDK",
    str(passed_on.CONFIG_FILE): "configuration is by variables",
}


def read_settings(
    environ: Mapping[str, str],
    *,
    default_service_name: str | None = None,
    debug: bool | None = None,
) -> Settings:
    """Read all variables.

    Args:
        environ: Usually ``os.environ``.
        default_service_name: Service name if no variable sets one.
        debug: Whether the host runs in debug mode. None reads ``DEBUG``.

    Raises:
        ConfigurationError: Names every variable whose value is invalid.
    """
    return read_all(Reader(environ, debug), default_service_name)


def read_all(reader: Reader, default_service_name: str | None) -> Settings:
    """Read all variables as `read_settings` does. ``reader`` records the origin of each setting.

    Raises:
        ConfigurationError: Names every variable whose value is invalid.
    """
    with reader.setting("debug"):
        debug = reader.debug
    exporters = choose_exporters(reader)
    if reader.get(v.SDK_DISABLED):
        # OpenTelemetry's specification disables its three signals. Errors are still exported.
        exporters = dict.fromkeys(exporters, ())
        reader.origins["exporters"] = [str(v.SDK_DISABLED)]
    attributes = reader.get(v.RESOURCE_ATTRIBUTES)
    with reader.setting("prometheus"):
        prometheus = PrometheusSettings(**read_fields(reader, PrometheusSettings))
    with reader.setting("spool"):
        spool = SpoolSettings(**read_fields(reader, SpoolSettings))
    with reader.setting("color"):
        color = not reader.get(v.NO_COLOR)
    settings = Settings(
        service_name=identity.read_service_name(reader, attributes, default_service_name),
        release=identity.read_release(reader, attributes),
        environment=identity.read_environment(reader, attributes),
        names_itself=not identity.is_named(reader, attributes, default_service_name),
        debug=debug,
        exporters=exporters,
        otlp={s: read_otlp(reader, s) for s, names in exporters.items() if "otlp" in names},
        logfire=read_projects(reader, used=any("logfire" in names for names in exporters.values())),
        prometheus=prometheus,
        spool=spool,
        sentry=read_sentry(reader),
        sampler=read_sampler(reader),
        color=color,
        attribute_length=_attribute_length(reader),
        redaction=read_redaction(reader),
        **read_fields(reader, Settings),
    )
    # The variables of OTLP are read for the signals that use it, and judged in any case.
    reader.check(v.PROPAGATORS, *declared(passed_on), *_OF_OTLP)
    _check_extras(reader, settings)
    if reader.problems:
        raise ConfigurationError(_in_order(reader))
    notes = (*reader.notes, *_cut(settings), *_unused(reader), *_unsent(reader, settings))
    return replace(settings, notes=notes)


def _cut(settings: Settings) -> list[str]:
    """Notes on exports that can't have as many items as their variable says."""
    return [
        f"{batch} is {wanted} and {queue} is {most}: an export has at most {most} items"
        for batch, wanted, queue, most in (
            (
                v.BSP_MAX_EXPORT_BATCH_SIZE,
                settings.span_batch_size,
                v.BSP_MAX_QUEUE_SIZE,
                settings.span_queue_size,
            ),
            (
                v.BLRP_MAX_EXPORT_BATCH_SIZE,
                settings.log_batch_size,
                v.BLRP_MAX_QUEUE_SIZE,
                settings.log_queue_size,
            ),
        )
        if wanted > most
    ]


def _attribute_length(reader: Reader) -> int | None:
    lengths = (
        passed_on.ATTRIBUTE_VALUE_LENGTH_LIMIT,
        passed_on.SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT,
    )
    with reader.setting("attribute_length"):
        given = reader.text(*lengths)
    return passed_on.ATTRIBUTE_VALUE_LENGTH_LIMIT.default if given is None else None


def _in_order(reader: Reader) -> list[Problem]:
    """Return the problems in the order of the reference."""
    order = {str(variable): number for number, variable in enumerate(declared(v, passed_on))}
    return sorted(reader.problems, key=lambda problem: order[problem.variable])


def _unused(reader: Reader) -> list[str]:
    known = {str(variable) for variable in declared(v)}
    notes = []
    for name in sorted(reader.environ):
        if name in known or not reader.environ[name].strip():
            continue
        for prefix, why in _UNUSED.items():
            if name.startswith(prefix):
                notes.append(f"{name} is set and not used: {why}")
        if name.startswith("TELEMETRY_"):
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            notes.append(f"{name} is set and not known{hint}")
    return notes


def _unsent(reader: Reader, settings: Settings) -> list[str]:
    if not settings.debug or reader.given(v.LOGFIRE_TOKEN) is None or settings.logfire:
        return []
    note = (
        f"{v.LOGFIRE_TOKEN} is set and {v.DEBUG} is on: nothing is sent to Logfire; "
        f"{v.TRACES_EXPORTER}=logfire,console would"
    )
    return [note]


def _check_extras(reader: Reader, settings: Settings) -> None:
    wanted = "its extra: pip install 'corkboard-telemetry[{}]'"
    for signal, otlp in settings.otlp.items():
        if otlp.protocol == "grpc" and not _installed("grpc"):
            variable = reader.given(v.OTLP_PROTOCOL, signal) or v.OTLP_PROTOCOL
            reader.problem(variable, "grpc", wanted.format("grpc"))
            break
    if "prometheus" in settings.exporters["metrics"] and not _installed(
        "opentelemetry.exporter.prometheus"
    ):
        reader.problem(v.METRICS_EXPORTER, "prometheus", wanted.format("prometheus"))
    if settings.sentry is not None and not _installed("sentry_sdk"):
        reader.problem(v.SENTRY_DSN, "", wanted.format("sentry"))


def _installed(module: str) -> bool:
    try:
        return util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
