"""Receivers of OTLP and error events for tests, with what they received as plain values.

`OTLPReceiver` replaces a backend of traces, metrics and logs,
`EventReceiver` replaces Sentry or Bugsink. `Capture` has both, for code that runs
in the test's process. The pytest plugin has a fixture for each.
"""

from telemetry.testing.capture import Capture
from telemetry.testing.event_receiver import EventReceiver
from telemetry.testing.private import assert_nothing_private
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
    "Capture",
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
    "assert_nothing_private",
]
