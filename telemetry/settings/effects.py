"""What a variable needs beside itself to have an effect.

The notes at start-up and the list of ``telemetry config`` are made from it.
"""

from __future__ import annotations

from collections import defaultdict
from importlib import util
from typing import TYPE_CHECKING, Any

from telemetry.registry.attributes import SIGNALS
from telemetry.settings import passed_on
from telemetry.settings import variables as v
from telemetry.settings.installed import BUILT_IN, RATIO, SCRAPED, STANDARD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from telemetry.registry.attributes import Signal
    from telemetry.settings.model import OTLPSettings, Settings
    from telemetry.settings.reader import Reader
    from telemetry.settings.variable import Variable

    Missing = Callable[[Reader, Settings], str]
    """Returns what is missing for an effect, or an empty text."""


def _exporter(name: str, *signals: Signal) -> Missing:
    def missing(_reader: Reader, settings: Settings) -> str:
        is_used = any(name in settings.exporters[signal] for signal in signals)
        return "" if is_used else _not(*signals, by=name)

    return missing


def _otlp(
    variable: Variable[Any], way: str = "", is_meant: Callable[[OTLPSettings], bool] | None = None
) -> Iterator[tuple[tuple[Variable[Any], ...], Missing]]:
    """Yield a variable of OTLP and its forms, which need a signal that is sent in this way."""
    yield (variable,), _sent(*SIGNALS, way=way, is_meant=is_meant)
    for signal in SIGNALS:
        if signal in variable.forms:
            yield (variable.forms[signal],), _sent(signal, way=way, is_meant=is_meant)


def _sent(
    *signals: Signal, way: str = "", is_meant: Callable[[OTLPSettings], bool] | None = None
) -> Missing:
    def missing(_reader: Reader, settings: Settings) -> str:
        used = [settings.otlp[signal] for signal in signals if signal in settings.otlp]
        is_used = any(is_meant is None or is_meant(otlp) for otlp in used)
        if is_used or _has_others(settings, *signals):
            return ""
        return _not(*signals, by=f"otlp{way}")

    return missing


def _has_others(settings: Settings, *signals: Signal) -> bool:
    """Whether an exporter of another package is used, which may read OTLP's variables itself."""
    names = {name for signal in signals for name in settings.exporters[signal]}
    return not names <= {*BUILT_IN, *SCRAPED}


def _not(*signals: Signal, by: str) -> str:
    subject = f"{signals[0]} are not" if len(signals) == 1 else "no signal is"
    return f"{subject} exported by {by}"


def _is_http(otlp: OTLPSettings) -> bool:
    return otlp.protocol != "grpc"


def _is_grpc(otlp: OTLPSettings) -> bool:
    return otlp.protocol == "grpc"


def _is_https(otlp: OTLPSettings) -> bool:
    return otlp.endpoint.lower().startswith("https:")


def _may_be_insecure(otlp: OTLPSettings) -> bool:
    return _is_grpc(otlp) and not _is_https(otlp)


def _is_encrypted(otlp: OTLPSettings) -> bool:
    if not _may_be_insecure(otlp):
        return _is_https(otlp)
    return "://" not in otlp.endpoint if otlp.insecure is None else not otlp.insecure


def _logfire(reader: Reader, settings: Settings) -> str:
    # That it is turned off, LOGFIRE_SEND_TO_LOGFIRE or a note on DEBUG says.
    if settings.logfire or reader.get(v.LOGFIRE_SEND) is False:
        return ""
    return _not(*SIGNALS, by="logfire")


def _logfire_token(reader: Reader, settings: Settings) -> str:
    return "" if settings.debug else _logfire(reader, settings)


def _logfire_send(reader: Reader, _settings: Settings) -> str:
    # `false` may be meant for a token that is set elsewhere.
    if reader.given(v.LOGFIRE_TOKEN) or not reader.get(v.LOGFIRE_SEND):
        return ""
    return f"{v.LOGFIRE_TOKEN} is not set"


def _no_sampler(reader: Reader, _settings: Settings) -> str:
    return f"{v.SAMPLER} is set" if reader.given(v.SAMPLER) else ""


def _sampler_with_argument(reader: Reader, settings: Settings) -> str:
    name = settings.sampler.name
    if reader.given(v.SAMPLER) is None:
        return f"{v.SAMPLER} is not set"
    if name in RATIO or name not in STANDARD:
        return ""
    return f"the sampler {name} takes no argument"


def _tail(_reader: Reader, settings: Settings) -> str:
    return "" if settings.sampler.name == "tail" else f"{v.SAMPLER} is not tail"


def _pushed(_reader: Reader, settings: Settings) -> str:
    is_scraped = set(settings.exporters["metrics"]) == {"prometheus"}
    return "metrics are exported by prometheus alone" if is_scraped else ""


def _spool(_reader: Reader, settings: Settings) -> str:
    return "" if settings.spool.folder is not None else f"{v.SPOOL_DIR} is not set"


def _own_client(_reader: Reader, settings: Settings) -> str:
    return "" if settings.sentry is not None else f"{v.SENTRY_DSN} is not set"


def _any_client(reader: Reader, settings: Settings) -> str:
    # A host may initialise Sentry's SDK itself, at any time.
    if util.find_spec("sentry_sdk") is not None:
        return ""
    return _own_client(reader, settings)


def _trace_url(reader: Reader, settings: Settings) -> str:
    return "" if "console" in settings.exporters["traces"] else _any_client(reader, settings)


def _redacted(_reader: Reader, settings: Settings) -> str:
    return "" if settings.redaction.kinds else f"{v.REDACT} is none"


def _django(_reader: Reader, settings: Settings) -> str:
    return "" if settings.django_instrument else f"{v.DJANGO_INSTRUMENT} is false"


def _not_applied(_reader: Reader, _settings: Settings) -> str:
    return f"OpenTelemetry's SDK does not apply it; {v.OTLP_TIMEOUT} limits an export"


NEEDS: tuple[tuple[tuple[Variable[Any], ...], Missing], ...] = (
    *_otlp(v.OTLP_ENDPOINT),
    *_otlp(v.OTLP_PROTOCOL),
    *_otlp(v.OTLP_HEADERS),
    *_otlp(v.OTLP_COMPRESSION),
    *_otlp(v.OTLP_TIMEOUT),
    *_otlp(v.OTLP_CERTIFICATE, " to an address with https", _is_encrypted),
    *_otlp(v.OTLP_CLIENT_KEY, " to an address with https", _is_encrypted),
    *_otlp(v.OTLP_CLIENT_CERTIFICATE, " to an address with https", _is_encrypted),
    *_otlp(v.OTLP_INSECURE, " over grpc to an address without https", _may_be_insecure),
    *_otlp(v.OTLP_CREDENTIAL_PROVIDER, " over http/protobuf", _is_http),
    *_otlp(v.GRPC_CREDENTIAL_PROVIDER, " over grpc", _is_grpc),
    *_otlp(v.GRPC_RETRYABLE, " over grpc", _is_grpc),
    ((v.TEMPORALITY, v.HISTOGRAM_AGGREGATION), _sent("metrics")),
    ((v.LOGFIRE_TOKEN,), _logfire_token),
    ((v.LOGFIRE_BASE_URL,), _logfire),
    ((v.LOGFIRE_SEND,), _logfire_send),
    ((v.LOGFIRE_SAMPLE_RATE,), _no_sampler),
    ((v.SAMPLER_ARG,), _sampler_with_argument),
    ((v.SAMPLE, v.SLOW, v.TRACE_LIMIT, v.TRACE_SPAN_LIMIT), _tail),
    ((v.METRIC_INTERVAL, passed_on.METRIC_EXPORT_TIMEOUT), _pushed),
    (
        (v.PROMETHEUS_HOST, v.PROMETHEUS_PORT, v.PROMETHEUS_ALLOWED_HOSTS),
        _exporter("prometheus", "metrics"),
    ),
    ((passed_on.BSP_EXPORT_TIMEOUT, passed_on.BLRP_EXPORT_TIMEOUT), _not_applied),
    ((v.SPOOL_SIGNALS, v.SPOOL_BYTES, v.SPOOL_AGE, v.SPOOL_SYNC), _spool),
    ((v.CONSOLE,), _exporter("console", *SIGNALS)),
    ((v.TRACE_URL,), _trace_url),
    ((v.EVENT_URL, v.REQUEST_ERRORS), _any_client),
    ((v.LOCAL_VARIABLES,), _own_client),
    ((v.TEXT_LENGTH_LIMIT,), _redacted),
    ((v.DJANGO_POSITION, v.DJANGO_REQUEST_ATTRS), _django),
)
"""Variables, and what they need.

All others have an effect by themselves, give way to others, or are queues and limits of a signal.
Nothing is said of those if the signal is not exported now.
"""


def idle(reader: Reader, settings: Settings) -> dict[str, str]:
    """Return why they have no effect, by name, for the variables that are set and have none."""
    if reader.get(v.SDK_DISABLED):
        # All that is set for the signals is meant for when they are turned on again.
        return {}
    return {
        str(variable): why
        for variables, missing in NEEDS
        for variable in variables
        if reader.given(variable) and (why := missing(reader, settings))
    }


def notes_on(idle: Mapping[str, str]) -> Iterator[str]:
    """Yield a note for all variables that have no effect for the same reason."""
    by_reason = defaultdict[str, list[str]](list)
    for name, why in idle.items():
        by_reason[why].append(name)
    for why, names in by_reason.items():
        yield f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} set and not used: {why}"
