"""Settings from the OTEL_EXPORTER_OTLP_* variables, the general ones and those of each signal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.settings import parse
from telemetry.settings import variables as v
from telemetry.settings.model import OTLPSettings, Signal, read_fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.settings.reader import Reader
    from telemetry.settings.variables import Compression


# Python's exporters support deflate over HTTP only.
_GRPC_COMPRESSION: Callable[[str], Compression] = parse.one_of("none", "gzip")


def read_otlp(reader: Reader, signal: Signal) -> OTLPSettings:
    """Return one signal's settings. The signal's variable takes precedence over the general one.

    Source: OpenTelemetry's "OTLP Exporter Configuration". The timeout is in
    seconds, as in every release of OpenTelemetry Python.
    """
    with reader.setting("otlp"):
        exporter = v.EXPORTERS[signal]
        if exporter in reader.origins.get("exporters", ()):
            reader.took(exporter)
        protocol = reader.get(v.OTLP_PROTOCOL, signal)
        grpc = protocol == "grpc"
        return OTLPSettings(
            protocol=protocol,
            endpoint=_endpoint(reader, signal, grpc=grpc),
            compression=reader.get(
                v.OTLP_COMPRESSION, signal, parse=_GRPC_COMPRESSION if grpc else None
            ),
            **read_fields(reader, OTLPSettings, signal),
        )


def _endpoint(reader: Reader, signal: Signal, *, grpc: bool) -> str:
    given = reader.given(v.OTLP_ENDPOINT, signal)
    own = given is not None and given != v.OTLP_ENDPOINT
    if not grpc:
        base = reader.get(v.OTLP_ENDPOINT, signal)
        return base if own else f"{base.rstrip('/')}/v1/{signal}"
    if given is None:
        return v.GRPC_ENDPOINT
    return reader.get(v.OTLP_ENDPOINT, signal, parse=parse.grpc_endpoint)
