"""Settings from the OTEL_EXPORTER_OTLP_* variables, the general ones and those of each signal."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

from telemetry.settings import parse
from telemetry.settings import variables as v
from telemetry.settings.certificates import check_client_certificate
from telemetry.settings.model import OTLPSettings, Signal, read_fields
from telemetry.settings.proxies import grpc_proxy

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.settings.reader import Reader
    from telemetry.settings.variables import Compression


# Python's exporters support deflate over HTTP only.
_GRPC_COMPRESSION: Callable[[str], Compression] = parse.one_of("none", "gzip")
_AUTHORIZATION = "authorization"


def read_otlp(reader: Reader, signal: Signal) -> OTLPSettings:
    """Return one signal's settings. The signal's variable takes precedence over the general one.

    A user in the endpoint becomes a header, as RFC 7617 defines it.

    Source: OpenTelemetry's "OTLP Exporter Configuration". The timeout is in
    seconds, as in every release of OpenTelemetry Python.
    """
    with reader.setting("otlp"):
        exporter = v.EXPORTERS[signal]
        if exporter in reader.origins.get("exporters", ()):
            reader.took(exporter)
        protocol = reader.get(v.OTLP_PROTOCOL, signal)
        grpc = protocol == "grpc"
        endpoint, user = _endpoint(reader, signal, grpc=grpc)
        read = read_fields(reader, OTLPSettings, signal)
        headers = read["headers"]
        if user and _AUTHORIZATION in headers:
            reader.note(
                f"{reader.given(v.OTLP_ENDPOINT, signal)} has a user, which is not sent: "
                f"{reader.given(v.OTLP_HEADERS, signal)} has an authorization"
            )
        elif user:
            headers = {**headers, _AUTHORIZATION: user}
        check_client_certificate(
            reader, v.OTLP_CLIENT_CERTIFICATE, v.OTLP_CLIENT_KEY, signal, wants_key=grpc
        )
        if grpc and not all(_is_metadata(name, value) for name, value in headers.items()):
            reader.problem(
                reader.given(v.OTLP_HEADERS, signal) or v.OTLP_HEADERS,
                "",
                "header-name=value,...; names of letters, digits, _, . and -, which do not end in "
                "-bin, and values of ASCII, since the protocol is grpc",
            )
        return OTLPSettings(
            protocol=protocol,
            endpoint=endpoint,
            compression=reader.get(
                v.OTLP_COMPRESSION, signal, parse=_GRPC_COMPRESSION if grpc else None
            ),
            grpc_proxy=grpc_proxy(reader.environ, endpoint)[0] if grpc else None,
            **{**read, "headers": headers},
        )


def _endpoint(reader: Reader, signal: Signal, *, grpc: bool) -> tuple[str, str | None]:
    """Return a signal's address without its user, and that user as an Authorization header."""
    given = reader.given(v.OTLP_ENDPOINT, signal)
    if grpc:
        if given is None:
            return v.GRPC_ENDPOINT, None
        address = reader.get(v.OTLP_ENDPOINT, signal, parse=parse.grpc_endpoint)
        if "://" not in address:
            user, _, host = address.rpartition("@")
            return host, _basic(user)
        parts = urlsplit(address)
    else:
        parts = urlsplit(reader.get(v.OTLP_ENDPOINT, signal))
        if given is None or given == v.OTLP_ENDPOINT:
            parts = parts._replace(path=f"{parts.path.rstrip('/')}/v1/{signal}")
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=host)), _basic(user)


def _basic(user: str) -> str | None:
    if not user:
        return None
    name, _, password = user.partition(":")
    return f"Basic {b64encode(f'{unquote(name)}:{unquote(password)}'.encode()).decode()}"


def _is_metadata(name: str, value: str) -> bool:
    """Whether gRPC can send a header: "PROTOCOL-HTTP2", Custom-Metadata.

    The value of a name with ``-bin`` is of bytes.
    """
    if not re.fullmatch(r"[0-9a-z_.-]+", name) or name.endswith("-bin"):
        return False
    return value.isascii() and value.isprintable()
