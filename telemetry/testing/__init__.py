"""Real receivers for tests, and what they received as plain values.

`OTLPReceiver` stands in for a backend of traces, metrics and logs,
`EventReceiver` for Sentry or Bugsink.
"""

from telemetry.testing.event_receiver import EventReceiver
from telemetry.testing.received import (
    ReceivedEvent,
    ReceivedLink,
    ReceivedLog,
    ReceivedPoint,
    ReceivedRequest,
    ReceivedSpan,
)
from telemetry.testing.received_events import (
    ReceivedEnvelope,
    ReceivedErrorEvent,
    ReceivedItem,
)
from telemetry.testing.receiver import OTLPReceiver

__all__ = [
    "EventReceiver",
    "OTLPReceiver",
    "ReceivedEnvelope",
    "ReceivedErrorEvent",
    "ReceivedEvent",
    "ReceivedItem",
    "ReceivedLink",
    "ReceivedLog",
    "ReceivedPoint",
    "ReceivedRequest",
    "ReceivedSpan",
]
