"""OTLP over gRPC: one request, one answer. Sends bytes that are encoded already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import grpc

# gRPC imports the next one, and that of `GRPC_CHANNEL`, with its first channel: on the thread that
# sends. A process that is forked meanwhile would wait for the import without an end.
import grpc.experimental
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from telemetry import private_api
from telemetry.export.answers import Answer
from telemetry.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from telemetry.registry.attributes import Signal
    from telemetry.settings.variables import Compression

_METHODS: Mapping[Signal, str] = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}
_COMPRESSION = {
    "none": grpc.Compression.NoCompression,
    "gzip": grpc.Compression.Gzip,
    "deflate": grpc.Compression.Deflate,
}
_OPTIONS = (
    ("grpc.primary_user_agent", f"corkboard-telemetry/{__version__}"),
    # gRPC itself waits up to two minutes before it connects again; the sender decides when.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1000),
)
_DETAILS = "grpc-status-details-bin"

private_api.get(private_api.GRPC_CHANNEL)


class GRPCClient:
    """Sends requests of one signal to one endpoint. The connection is opened with the first one.

    Args:
        signal: Which service is called.
        endpoint: A URL, or host and port without a scheme.
        headers: Additional metadata, for example with a token.
        compression: ``gzip``, ``deflate`` or ``none``.
        insecure: Whether to connect without TLS, where the endpoint has no scheme.
        proxied: Whether gRPC reads the variables of proxies.
        certificate: File with the certificates of trusted authorities; None for the usual ones.
        client_certificate: Certificate file of this client.
        client_key: Its key file.
        make_credentials: Makes the channel's credentials, for a credential provider.
    """

    def __init__(
        self,
        signal: Signal,
        endpoint: str,
        headers: Mapping[str, str],
        *,
        compression: Compression,
        insecure: bool | None = None,
        proxied: bool = False,
        certificate: str | None = None,
        client_certificate: str | None = None,
        client_key: str | None = None,
        make_credentials: Callable[[], grpc.ChannelCredentials] | None = None,
    ) -> None:
        self._metadata = tuple((name.lower(), value) for name, value in headers.items())
        parts = urlsplit(endpoint)
        has_scheme = parts.scheme in ("http", "https") and bool(parts.netloc)
        # Otherwise it would parse a proxy that it does not use, and print it where it can't.
        options = (*_OPTIONS, ("grpc.enable_http_proxy", int(proxied)))
        target = parts.netloc.rpartition("@")[2] if has_scheme else endpoint
        if not self._is_secure(parts.scheme if has_scheme else "", insecure):
            self._channel = grpc.insecure_channel(
                target, options=options, compression=_COMPRESSION[compression]
            )
        else:
            credentials = (
                make_credentials()
                if make_credentials is not None
                else grpc.ssl_channel_credentials(
                    _read(certificate), _read(client_key), _read(client_certificate)
                )
            )
            self._channel = grpc.secure_channel(
                target, credentials, options=options, compression=_COMPRESSION[compression]
            )
        self._export: Any = self._channel.unary_unary(
            _METHODS[signal], request_serializer=None, response_deserializer=None
        )

    @staticmethod
    def _is_secure(scheme: str, insecure: bool | None) -> bool:
        # OpenTelemetry's "OTLP Exporter Configuration": the scheme takes precedence.
        return scheme == "https" or (scheme != "http" and not insecure)

    def send(self, body: bytes, timeout: float) -> Answer:
        """Send one request. Never raises.

        Args:
            body: the request.
            timeout: seconds until the answer must have arrived.
        """
        try:
            return Answer(
                body=self._export(body, timeout=timeout, metadata=self._metadata),
                grpc_code="OK",
            )
        except grpc.RpcError as error:
            call: Any = error
            return Answer(
                grpc_code=call.code().name,
                grpc_details=call.details() or "",
                retry_after=_retry_after(call.trailing_metadata() or ()),
            )
        except Exception as error:  # noqa: BLE001 # for example metadata that gRPC refuses
            return Answer(error=error)

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()


def _retry_after(metadata: Any) -> float | None:
    """Return the seconds of ``RetryInfo`` within the details of a status."""
    for key, value in metadata:
        if key != _DETAILS:
            continue
        try:
            details = Status.FromString(value).details
            for detail in details:
                info = RetryInfo()
                if detail.Unpack(info):
                    return float(info.retry_delay.seconds + info.retry_delay.nanos / 1e9)
        except DecodeError:
            return None
    return None


def _read(path: str | None) -> bytes | None:
    if path is None:
        return None
    with open(path, "rb") as file:
        return file.read()
