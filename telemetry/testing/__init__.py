"""A real OTLP receiver for tests, and what it received as plain values."""

from telemetry.testing.received import (
    ReceivedEvent,
    ReceivedLink,
    ReceivedLog,
    ReceivedPoint,
    ReceivedRequest,
    ReceivedSpan,
)
from telemetry.testing.receiver import OTLPReceiver

__all__ = [
    "OTLPReceiver",
    "ReceivedEvent",
    "ReceivedLink",
    "ReceivedLog",
    "ReceivedPoint",
    "ReceivedRequest",
    "ReceivedSpan",
]
