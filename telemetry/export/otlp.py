"""Endpoints of OTLP over HTTP and gRPC, from the settings of one signal."""

from __future__ import annotations

import importlib
from contextlib import suppress
from functools import partial
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk import metrics
from opentelemetry.sdk.metrics.export import AggregationTemporality
from opentelemetry.sdk.metrics.view import (
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
)

from telemetry.export.answers import GRPC_RETRIED, judge
from telemetry.export.endpoint import Endpoint
from telemetry.export.http import HTTPClient, import_ahead

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.export.endpoint import Client
    from telemetry.settings import OTLPSettings
    from telemetry.settings.model import Signal

_CUMULATIVE = AggregationTemporality.CUMULATIVE
_DELTA = AggregationTemporality.DELTA
# OpenTelemetry's specification, "OTLP Metrics Exporter", "Additional Configuration".
TEMPORALITIES: Mapping[str, Mapping[type, AggregationTemporality]] = {
    name: {
        metrics.Counter: sums,
        metrics.UpDownCounter: _CUMULATIVE,
        metrics.Histogram: sums,
        metrics.ObservableCounter: observed,
        metrics.ObservableUpDownCounter: _CUMULATIVE,
        metrics.ObservableGauge: _CUMULATIVE,
    }
    for name, sums, observed in (
        ("cumulative", _CUMULATIVE, _CUMULATIVE),
        ("delta", _DELTA, _DELTA),
        ("lowmemory", _DELTA, _CUMULATIVE),
    )
}
_AGGREGATIONS: Mapping[str, type[Any]] = {
    "explicit_bucket_histogram": ExplicitBucketHistogramAggregation,
    "base2_exponential_bucket_histogram": ExponentialBucketHistogramAggregation,
}


def endpoint(settings: OTLPSettings, signal: Signal) -> Endpoint:
    """Return the endpoint of one signal."""
    grpc = settings.protocol == "grpc"
    _import_ahead(settings)
    return Endpoint(
        url=settings.endpoint,
        protocol="grpc" if grpc else "http",
        make_client=partial(_grpc if grpc else _http, settings, signal),
        timeout=settings.timeout,
        judge=partial(judge, grpc_retried=frozenset(settings.grpc_retryable) or GRPC_RETRIED),
        temporality=TEMPORALITIES[settings.temporality],
        aggregation={metrics.Histogram: _AGGREGATIONS[settings.histograms]()},
    )


def _http(settings: OTLPSettings, _signal: Signal) -> Client:
    provider = settings.credential_provider
    return HTTPClient(
        settings.endpoint,
        settings.headers,
        compression=settings.compression,
        certificate=settings.certificate,
        client_certificate=settings.client_certificate,
        client_key=settings.client_key,
        make_session=partial(_credentials, provider) if provider else None,
    )


def _grpc(settings: OTLPSettings, signal: Signal) -> Client:
    from telemetry.export.grpc import GRPCClient

    provider = settings.grpc_credential_provider
    return GRPCClient(
        signal,
        settings.endpoint,
        settings.headers,
        compression=settings.compression,
        insecure=settings.insecure,
        proxied=settings.grpc_proxy is not None,
        certificate=settings.certificate,
        client_certificate=settings.client_certificate,
        client_key=settings.client_key,
        make_credentials=partial(_credentials, provider) if provider else None,
    )


def _import_ahead(settings: OTLPSettings) -> None:
    """Import what makes the client, which another thread does.

    A process that is forked while that thread imports a module can never import it.
    """
    grpc = settings.protocol == "grpc"
    # What is missing, wrong or fails is reported by the first attempt.
    if not grpc:
        with suppress(Exception):
            import_ahead(settings.endpoint)
    provider = settings.grpc_credential_provider if grpc else settings.credential_provider
    if provider is not None:
        with suppress(Exception):
            _provider(provider)
            if not grpc:
                # The second is imported by the first for each request.
                importlib.import_module("requests")
                importlib.import_module("netrc")


def _credentials(provider: str) -> Any:
    """Return what an installed credential provider makes: a session, or a channel's credentials.

    Raises:
        LookupError: if it is not installed.
    """
    return _provider(provider)()


def _provider(name: str) -> Any:
    group = "opentelemetry_otlp_credential_provider"
    for entry_point in entry_points(group=group, name=name):
        return entry_point.load()
    raise LookupError(f"no package has an entry point {name!r} in the group {group!r}")
