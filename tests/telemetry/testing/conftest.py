"""Fixtures for tests of the receivers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from telemetry.testing import EventReceiver, OTLPReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def http_and_grpc() -> Iterator[OTLPReceiver]:
    """A receiver of OTLP over HTTP and gRPC."""
    with OTLPReceiver(grpc=True) as receiver:
        yield receiver


@pytest.fixture
def errors() -> Iterator[EventReceiver]:
    """A receiver of Sentry's envelopes."""
    with EventReceiver() as receiver:
        yield receiver
