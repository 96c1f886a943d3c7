"""The OTEL_EXPORTER_OTLP_* variables, the general ones and each signal's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from telemetry.settings import parse
from telemetry.settings import variables as v
from telemetry.settings.model import OTLPSettings, Signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.settings.reader import Reader

PREFIX = "OTEL_EXPORTER_OTLP_"
PYTHON_PREFIX = "OTEL_PYTHON_EXPORTER_OTLP_"


def read_otlp(reader: Reader, signal: Signal) -> OTLPSettings:
    """One signal's settings; its own variable wins over the general one.

    Source: OpenTelemetry's "OTLP Exporter Configuration". The timeout is in
    seconds, as in every release of OpenTelemetry Python.
    """

    def own_or_general(name: str) -> tuple[str, str]:
        return f"{PREFIX}{signal.upper()}_{name}", f"{PREFIX}{name}"

    def one_of(name: str, default: str, *known: str) -> str:
        def read(value: str) -> str:
            return parse.choice(value, known)

        return reader.parsed(read, default, *own_or_general(name))

    def file(name: str) -> str | None:
        return reader.parsed(parse.readable_file, None, *own_or_general(name))

    protocol = one_of("PROTOCOL", "http/protobuf", "http/protobuf", "grpc")
    grpc = protocol == "grpc"
    # Python's exporters know deflate over HTTP only.
    compressions = ("none", "gzip") if grpc else ("none", "gzip", "deflate")
    insecure = reader.text(*own_or_general("INSECURE"))
    return OTLPSettings(
        protocol=cast("Literal['http/protobuf', 'grpc']", protocol),
        endpoint=_endpoint(reader, signal, grpc=grpc),
        headers=reader.parsed(parse.headers, {}, *own_or_general("HEADERS")),
        compression=cast(
            "Literal['none', 'gzip', 'deflate']", one_of("COMPRESSION", "none", *compressions)
        ),
        timeout=reader.parsed(_timeout, 10.0, *own_or_general("TIMEOUT")),
        certificate=file("CERTIFICATE"),
        client_key=file("CLIENT_KEY"),
        client_certificate=file("CLIENT_CERTIFICATE"),
        insecure=None
        if insecure is None
        else reader.parsed(parse.boolean, False, *own_or_general("INSECURE")),
        credential_provider=reader.supplier(
            f"{PYTHON_PREFIX}HTTP_{signal.upper()}_CREDENTIAL_PROVIDER",
            f"{PYTHON_PREFIX}HTTP_CREDENTIAL_PROVIDER",
        )
        is not None,
    )


def _endpoint(reader: Reader, signal: Signal, *, grpc: bool) -> str:
    default = "http://localhost:4317" if grpc else "http://localhost:4318"
    read: Callable[[str], str] = _grpc_endpoint if grpc else parse.url
    own = f"{PREFIX}{signal.upper()}_ENDPOINT"
    if reader.supplier(own, v.OTLP_ENDPOINT) == own:
        return reader.parsed(read, default, own)
    base = reader.parsed(read, default, v.OTLP_ENDPOINT)
    return base if grpc else f"{base.rstrip('/')}/v1/{signal}"


def _grpc_endpoint(value: str) -> str:
    # gRPC's own form has no scheme: host:port. Python's exporter takes both.
    if "://" in value:
        return parse.url(value)
    parse.url(f"http://{value}")
    return value


def _timeout(value: str) -> float:
    return parse.number(value, least=0.001)
