"""Reads the environment. No other module does."""

from __future__ import annotations

from dataclasses import replace
from importlib import util
from typing import TYPE_CHECKING

from telemetry.exceptions import HIDDEN, ConfigurationError
from telemetry.settings import identity, parse, passed_on
from telemetry.settings import variables as v
from telemetry.settings.effects import idle, notes_on
from telemetry.settings.exporters import choose_exporters
from telemetry.settings.logfire import read_projects
from telemetry.settings.model import (
    BudgetSettings,
    LimitSettings,
    PrometheusSettings,
    Settings,
    SpoolSettings,
    read_fields,
)
from telemetry.settings.names import without_effect
from telemetry.settings.otlp import read_otlp
from telemetry.settings.reader import Reader
from telemetry.settings.redaction import read_redaction
from telemetry.settings.sampler import read_sampler
from telemetry.settings.sentry import read_sentry
from telemetry.settings.variable import declared

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.exceptions import Problem
    from telemetry.settings.model import OTLPSettings, Signal

# What their values may be depends on others: they are judged where they are read.
_DEPENDENT = frozenset(
    str(each)
    for variable in (v.OTLP_ENDPOINT, v.OTLP_COMPRESSION, v.SAMPLER_ARG)
    for each in (variable, *variable.forms.values())
)


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
    with reader.setting("budgets"):
        budgets = BudgetSettings(**read_fields(reader, BudgetSettings))
    with reader.setting("color"):
        color = not reader.get(v.NO_COLOR)
    with reader.setting("limits"):
        limits = LimitSettings(**read_fields(reader, LimitSettings))
    settings = Settings(
        service_name=identity.read_service_name(reader, attributes, default_service_name),
        release=identity.read_release(reader, attributes),
        environment=identity.read_environment(reader, attributes),
        names_itself=not identity.is_named(reader, attributes, default_service_name),
        debug=debug,
        exporters=exporters,
        otlp=_read_otlp(reader, exporters),
        logfire=read_projects(reader, used=any("logfire" in names for names in exporters.values())),
        prometheus=prometheus,
        spool=spool,
        budgets=budgets,
        sentry=read_sentry(reader),
        sampler=read_sampler(reader),
        color=color,
        limits=limits,
        redaction=read_redaction(reader),
        **read_fields(reader, Settings),
    )
    _check_all(reader)
    _check_proxies(reader, settings)
    _check_extras(reader, settings)
    if reader.problems:
        raise ConfigurationError(_in_order(reader))
    known = {str(variable) for variable in declared(v, passed_on)}
    notes = (
        *reader.notes,
        *_cut(settings),
        *notes_on(idle(reader, settings)),
        *without_effect(reader.environ, known),
        *_unsent(reader, settings),
    )
    return replace(settings, notes=notes)


def _read_otlp(
    reader: Reader, exporters: Mapping[Signal, tuple[str, ...]]
) -> dict[Signal, OTLPSettings]:
    """Read the settings of each signal that uses OTLP, and judge those of the others."""
    used = {s: read_otlp(reader, s) for s, names in exporters.items() if "otlp" in names}
    for signal in exporters.keys() - used.keys():
        others = Reader(reader.environ, reader.debug)
        read_otlp(others, signal)
        reader.problems += [p for p in others.problems if p not in reader.problems]
    return used


def _check_all(reader: Reader) -> None:
    """Judge every variable, whether its value is used or not."""
    for variable in declared(v, passed_on):
        if not parse.is_text(reader.environ.get(variable, "")):
            reader.problem(variable, HIDDEN, "text in UTF-8")
    reader.check(*(each for each in declared(v, passed_on) if each not in _DEPENDENT))


def _check_proxies(reader: Reader, settings: Settings) -> None:
    """Judge the proxies that are used. Others may be set for other programs."""
    if settings.otlp or settings.logfire or settings.sentry:
        for variable in passed_on.HTTP_PROXIES:
            if parse.is_socks(reader.environ.get(variable, "")) and not _installed("socks"):
                wanted = "the address of a proxy; for socks: pip install PySocks"
                reader.problem(variable, "", wanted)
    for otlp in settings.otlp.values():
        if otlp.grpc_proxy is not None:
            try:
                # Not stripped, since gRPC reads it itself.
                parse.grpc_proxy(reader.environ[otlp.grpc_proxy])
            except ValueError as error:
                reader.problem(otlp.grpc_proxy, "", str(error))


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


def _in_order(reader: Reader) -> list[Problem]:
    """Return the problems in the order of the reference."""
    order = {str(variable): number for number, variable in enumerate(declared(v, passed_on))}
    return sorted(reader.problems, key=lambda problem: order[problem.variable])


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
