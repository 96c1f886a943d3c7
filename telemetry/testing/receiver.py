"""Receiver of OTLP on loopback."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Self

from telemetry.testing._http import OTLPHandler
from telemetry.testing._inbox import Answer, Inbox
from telemetry.testing._loopback import HOST, LoopbackReceiver, summarise

if TYPE_CHECKING:
    from telemetry.testing._grpc import GRPCServer
    from telemetry.testing.received import ReceivedLog, ReceivedPoint, ReceivedRequest, ReceivedSpan


class OTLPReceiver(LoopbackReceiver[Inbox]):
    """Receives OTLP over HTTP/protobuf and, with `grpc=True`, over gRPC.

    Listens on 127.0.0.1 while used as a context manager. Port 0 lets the
    system choose. What arrived can still be read after it is closed, and it can
    be started again: on a fixed port, that simulates a backend outage.

    Example:
        >>> from opentelemetry import trace
        >>> from telemetry.testing import OTLPReceiver
        >>> with OTLPReceiver() as receiver:
        ...     settings = telemetry.configure({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url})
        ...     with trace.get_tracer("my-host").start_as_current_span("import"):
        ...         pass
        ...     undelivered = telemetry.flush()
        ...     [span] = receiver.wait_for(lambda r: r.spans)
        >>> span.name
        'import'
    """

    def __init__(self, port: int = 0, *, grpc: bool = False, grpc_port: int = 0) -> None:
        super().__init__(port, OTLPHandler, Inbox())
        self.grpc_port = grpc_port
        self._wants_grpc = grpc
        self._grpc: GRPCServer | None = None

    def start(self) -> Self:
        """Listen. Raises OSError if the port is in use."""
        super().start()
        if self._wants_grpc:
            # Imported here: grpc is an extra, slow to import, and its threads do not
            # survive a fork.
            from telemetry.testing._grpc import GRPCServer

            self._grpc = GRPCServer(HOST, self.grpc_port, self._inbox)
            self.grpc_port = self._grpc.port
        return self

    def close(self) -> None:
        """Stop listening and end open connections. Safe to call twice."""
        super().close()
        if self._grpc is not None:
            self._grpc.close()
            self._grpc = None

    @property
    def url(self) -> str:
        """Value for `OTEL_EXPORTER_OTLP_ENDPOINT` with protocol http/protobuf."""
        return f"http://{HOST}:{self.port}"

    @property
    def grpc_endpoint(self) -> str:
        """Value for `OTEL_EXPORTER_OTLP_ENDPOINT` with protocol grpc; `http` means no TLS."""
        if not self._wants_grpc:
            raise RuntimeError("no gRPC here: create it as OTLPReceiver(grpc=True)")
        return f"http://{HOST}:{self.grpc_port}"

    @property
    def requests(self) -> list[ReceivedRequest]:
        """Every export request to a known path, refused ones too, oldest first."""
        return self._inbox.requests()

    @property
    def payloads(self) -> list[bytes]:
        """Accepted payloads, uncompressed. For assertions that a value was not sent."""
        return list(self._inbox.payloads)

    @property
    def spans(self) -> list[ReceivedSpan]:
        """Accepted spans in the order of arrival: children before their parents."""
        return self._inbox.spans()

    @property
    def metrics(self) -> list[ReceivedPoint]:
        """Accepted data points. Each collection of a metric adds its points again."""
        return self._inbox.points()

    @property
    def logs(self) -> list[ReceivedLog]:
        """Accepted log records in the order of arrival."""
        return self._inbox.logs()

    def answer(
        self, status: int, delay: float = 0.0, *, rejected: int = 0, message: str = ""
    ) -> None:
        """Answer later exports with `status` after `delay` seconds.

        A status of 300 and over refuses the payload: only `requests` includes the
        export. `rejected` and `message` make a partial success out of a 200. Over
        gRPC, the status is converted to the corresponding code. `answer(200)`
        restores the default.
        """
        self._inbox.answer = Answer(status, delay, rejected, message)

    def summary(self) -> str:
        """Return a summary of what arrived: a line for each kind of item, with its number."""
        lines: Counter[str] = Counter()
        lines.update(f"request {r.path} answered {r.status}" for r in self.requests)
        lines.update(f"span {s.kind} {s.name!r} from {s.scope}" for s in self.spans)
        lines.update(f"metric {m.type} {m.name} {dict(m.attributes)}" for m in self.metrics)
        lines.update(f"log {r.severity_text} {r.body!r}" for r in self.logs)
        return summarise(lines)
