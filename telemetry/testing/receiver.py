"""A real OTLP receiver on this machine's loopback."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Self, TypeVar

from telemetry.testing._http import OTLPServer
from telemetry.testing._inbox import Answer, Inbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from telemetry.testing._grpc import GRPCServer
    from telemetry.testing.received import ReceivedLog, ReceivedPoint, ReceivedRequest, ReceivedSpan

HOST = "127.0.0.1"

T = TypeVar("T")


class OTLPReceiver:
    """Receives OTLP over HTTP/protobuf and, with `grpc=True`, over gRPC.

    Listens on 127.0.0.1 while used as a context manager; port 0 lets the
    system choose. What arrived stays readable after it is closed, and it can
    be started again: on a fixed port that is a backend that went away and
    came back.

        with OTLPReceiver() as receiver:
            os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.url
            ...
            receiver.wait_for(lambda r: r.spans)
    """

    def __init__(self, port: int = 0, *, grpc: bool = False, grpc_port: int = 0) -> None:
        self.port = port
        self.grpc_port = grpc_port
        self._wants_grpc = grpc
        self._inbox = Inbox()
        self._http: OTLPServer | None = None
        self._grpc: GRPCServer | None = None

    def start(self) -> Self:
        """Listen. Raises OSError when the port is taken."""
        if self._http is not None:
            raise RuntimeError("this receiver is already listening")
        self._inbox.open()
        self._http = OTLPServer(HOST, self.port, self._inbox)
        self.port = self._http.server_port
        if self._wants_grpc:
            # Here and not above: grpc is an extra, slow to import, and its
            # threads do not survive a fork.
            from telemetry.testing._grpc import GRPCServer

            self._grpc = GRPCServer(HOST, self.grpc_port, self._inbox)
            self.grpc_port = self._grpc.port
        return self

    def close(self) -> None:
        """Stop listening and end open connections. Safe to call twice."""
        self._inbox.close()
        if self._http is not None:
            self._http.close()
            self._http = None
        if self._grpc is not None:
            self._grpc.close()
            self._grpc = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

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
        """Every export call to a known path, refused ones too, oldest first."""
        return self._inbox.requests()

    @property
    def spans(self) -> list[ReceivedSpan]:
        """Accepted spans in the order of arrival, so children before parents."""
        return self._inbox.spans()

    @property
    def metrics(self) -> list[ReceivedPoint]:
        """Accepted data points; each collection of a metric adds its points again."""
        return self._inbox.points()

    @property
    def logs(self) -> list[ReceivedLog]:
        """Accepted log records in the order of arrival."""
        return self._inbox.logs()

    def answer(
        self, status: int, delay: float = 0.0, *, rejected: int = 0, message: str = ""
    ) -> None:
        """Answer exports from now on with `status` after `delay` seconds.

        A status of 300 and over refuses the payload: `requests` shows the call
        and nothing else does. `rejected` and `message` make a partial success
        out of a 200. Over gRPC the status becomes the matching code.
        `answer(200)` is the ordinary behaviour.
        """
        self._inbox.answer = Answer(status, delay, rejected, message)

    def clear(self) -> None:
        """Forget what arrived so far; how to answer stays."""
        self._inbox.clear()

    def wait_for(self, predicate: Callable[[OTLPReceiver], T], timeout: float = 10.0) -> T:
        """Return `predicate(self)` as soon as it is true.

        Raises AssertionError with a summary of what did arrive when it is not
        after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while True:
            seen = len(self.requests)
            if result := predicate(self):
                return result
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise AssertionError(f"not within {timeout} s; {self.summary()}")
            # Woken by arrivals; the upper bound is for a predicate that also
            # looks at something else.
            self._inbox.wait(seen, min(remaining, 0.25))

    def summary(self) -> str:
        """Say what arrived, a line for each thing, equal ones counted."""
        lines: Counter[str] = Counter()
        lines.update(f"request {r.path} answered {r.status}" for r in self.requests)
        lines.update(f"span {s.kind} {s.name!r} from {s.scope}" for s in self.spans)
        lines.update(f"metric {m.type} {m.name} {dict(m.attributes)}" for m in self.metrics)
        lines.update(f"log {r.severity_text} {r.body!r}" for r in self.logs)
        if not lines:
            return "nothing arrived"
        return "\n  ".join(["this arrived:", *(f"{n} x {line}" for line, n in lines.items())])
