"""Captures what a host's code sends in the test's process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from telemetry.registry import metrics, others_metrics, process_metrics
from telemetry.registry.names import MetricName, entries
from telemetry.testing.event_receiver import EventReceiver
from telemetry.testing.receiver import OTLPReceiver

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from telemetry.testing.received import ReceivedLog, ReceivedPoint, ReceivedSpan
    from telemetry.testing.received_events import ReceivedErrorEvent

# A developer's variables must not decide where a test's telemetry is sent.
_OTHERS = ("OTEL_", "LOGFIRE_", "SENTRY_", "TELEMETRY_")

_METRICS: list[MetricName] = [
    entry
    for registry in (metrics, others_metrics, process_metrics)
    for entry in entries(registry, MetricName)
]


class Capture:
    """Two receivers on loopback, and the variables that send all telemetry to them.

    What is captured was sampled, aggregated and redacted as in production, and was
    sent over the network. The variables must be set before the host calls
    `telemetry.configure()`, which happens once in a process. The pytest plugin does
    that.

    Example:
        >>> import os
        >>> from opentelemetry import trace
        >>> from telemetry.testing import Capture
        >>> capture = Capture()
        >>> capture.start(os.environ)
        >>> settings = telemetry.configure()  # as in the host's asgi.py
        >>> with trace.get_tracer("my-host").start_as_current_span("import"):
        ...     trace.get_current_span().set_attribute("rows", 3)
        >>> capture.span("import").attributes["rows"]
        3
        >>> capture.close()
    """

    def __init__(self) -> None:
        self.otlp = OTLPReceiver()
        self.errors = EventReceiver()

    def start(self, environ: MutableMapping[str, str] = os.environ) -> None:
        """Listen, and point ``environ`` to the receivers. Other telemetry variables are removed.

        Raises:
            OSError: No port is available.
            RuntimeError: It is listening already.
        """
        self.otlp.start()
        self.errors.start()
        for name in [name for name in environ if name.startswith(_OTHERS)]:
            del environ[name]
        environ.update(
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": self.otlp.url,
                # Set explicitly: by default the console is an exporter under DEBUG.
                "OTEL_TRACES_EXPORTER": "otlp",
                "OTEL_METRICS_EXPORTER": "otlp",
                "OTEL_LOGS_EXPORTER": "otlp",
                # Metrics are collected on request, as the difference to the request before.
                "OTEL_METRIC_EXPORT_INTERVAL": "3600000",
                "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
                "SENTRY_DSN": self.errors.dsn,
            }
        )

    def close(self) -> None:
        """Stop listening."""
        self.otlp.close()
        self.errors.close()

    def clear(self) -> None:
        """Discard what was sent so far, including the values of metrics."""
        self._collect()
        self.otlp.clear()
        self.errors.clear()

    @property
    def spans(self) -> list[ReceivedSpan]:
        """Ended spans that were sampled, in the order in which they ended."""
        self._collect()
        return self.otlp.spans

    @property
    def logs(self) -> list[ReceivedLog]:
        """Log records in the order of arrival."""
        self._collect()
        return self.otlp.logs

    @property
    def metrics(self) -> list[ReceivedPoint]:
        """Data points. Each access adds the changes of counters and histograms since the last."""
        self._collect()
        return self.otlp.metrics

    @property
    def events(self) -> list[ReceivedErrorEvent]:
        """Error events in the order of arrival."""
        self._collect()
        return self.errors.events

    def span(self, name: str) -> ReceivedSpan:
        """Return the one span of that name.

        Raises:
            AssertionError: There is none, or more than one. Has a summary of what arrived.
        """
        found = [span for span in self.spans if span.name == name]
        if len(found) != 1:
            raise AssertionError(
                f"wanted one span named {name!r}, and there are {len(found)}; {self.summary()}"
            )
        return found[0]

    def points(
        self, name: str, attributes: Mapping[str, Any] | None = None, /, **named: Any
    ) -> list[ReceivedPoint]:
        """Return the points of one metric, or those of them with the given attributes.

        If the metric has no points, the attributes are not checked.

        Args:
            name: Name of the metric.
            attributes: Attributes by name.
            **named: Attributes as keywords, in which `_` stands for a dot or for itself.

        Raises:
            AssertionError: No point could ever match. The metric has no attribute of that name,
                neither on a point nor in the registry; or one of text and number was given where
                the other is wanted; or a keyword matches several attributes.
        """
        points = [point for point in self.metrics if point.name == name]
        if not points:
            return []
        wanted = _wanted(name, points, attributes or {}, named)
        return [point for point in points if wanted.items() <= dict(point.attributes).items()]

    def summary(self) -> str:
        """Return a summary of what arrived: a line for each kind of item, with its number."""
        self._collect()
        return f"{self.otlp.summary()}\n{self.errors.summary()}"

    def _collect(self) -> None:
        from telemetry.configuration import start_for_tests

        start_for_tests()


def _wanted(
    metric: str,
    points: list[ReceivedPoint],
    attributes: Mapping[str, Any],
    named: Mapping[str, Any],
) -> dict[str, Any]:
    """Return attributes by their real names. Raises AssertionError as `Capture.points` does."""
    known = {key for point in points for key in point.attributes}
    # An attribute of some requests only, such as `error.type`, may be on none of these points.
    known.update(str(key) for entry in _METRICS if entry == metric for key in entry.attributes)
    wanted = {_one_of(metric, key, {key} & known, known): attributes[key] for key in attributes}
    for keyword, value in named.items():
        alike = {key for key in known if key.replace(".", "_") == keyword.replace(".", "_")}
        wanted[_one_of(metric, keyword, alike, known)] = value
    for key, value in wanted.items():
        found = [point.attributes[key] for point in points if key in point.attributes]
        if found and all(isinstance(each, str) != isinstance(value, str) for each in found):
            raise AssertionError(
                f"{key} of {metric!r} can't be {value!r}: it is "
                f"{', '.join(sorted(set(map(repr, found))))}"
            )
    return wanted


def _one_of(metric: str, given: str, found: set[str], known: set[str]) -> str:
    if len(found) == 1:
        return found.pop()
    if found:
        several = sorted(found)
        raise AssertionError(
            f"{given} stands for {' and '.join(several)} of {metric!r}: "
            f"name one in a mapping, points({metric!r}, {{{several[0]!r}: ...}})"
        )
    raise AssertionError(
        f"{metric!r} has no attribute {given!r}; it has: {', '.join(sorted(known)) or 'none'}"
    )
