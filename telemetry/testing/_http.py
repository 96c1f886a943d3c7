"""Server side of OTLP over HTTP, limited to what exporters use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.export.decoding import PROTOBUF, RefusedError, unpacked
from telemetry.testing._server import Handler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.testing._inbox import Inbox
    from telemetry.testing._server import LoopbackServer

PATHS = {"/v1/traces": "traces", "/v1/metrics": "metrics", "/v1/logs": "logs"}


class OTLPHandler(Handler):
    """Answers `POST /v1/{traces,metrics,logs}`."""

    server: LoopbackServer[Inbox]

    def _take(self, path: str, headers: Mapping[str, str]) -> None:
        wanted = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(wanted)
        if len(body) < wanted:
            # The sender ended within its request, which then never was one.
            self.close_connection = True
            return
        signal = PATHS.get(path)
        if signal is None:
            self._reply(404, PROTOBUF, b"")
            return
        payload = self._payload(body)
        answer = self.server.inbox.take(signal, path, headers, payload, len(body))
        self._reply(answer.status, PROTOBUF, answer.body(signal) if answer.status < 300 else b"")

    def _payload(self, body: bytes) -> bytes | None:
        if self.headers.get_content_type() != PROTOBUF:
            return None
        try:
            return unpacked(self.headers.get("Content-Encoding", "identity").lower(), body)
        except RefusedError:
            return None
