"""Server side of Sentry's ingestion over HTTP, limited to what SDKs use."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from typing import TYPE_CHECKING

from telemetry.testing._envelopes import envelope
from telemetry.testing._event_inbox import EventAnswer
from telemetry.testing._server import Handler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.testing._event_inbox import EventInbox
    from telemetry.testing._server import LoopbackServer
    from telemetry.testing.received_events import ReceivedEnvelope

LENGTH = re.compile(r"[0-9]{1,18}")
PATH = re.compile(r"/api/[^/]+/envelope/")
JSON = "application/json"

# Sentry's limit for a compressed request. Decompressed, Sentry accepts 100 MiB, and
# 1 MiB for an event.
# https://develop.sentry.dev/sdk/data-model/envelopes/#size-limits
LIMIT = 20 * 1024 * 1024
CHUNK = 64 * 1024


class IngestHandler(Handler):
    """Answers `POST /api/<project>/envelope/`."""

    server: LoopbackServer[EventInbox]

    def _take(self, path: str, headers: Mapping[str, str]) -> None:
        body, size = self._body()
        payload = self._payload(path, body)
        decoded_size = len(payload) if isinstance(payload, bytes) else size
        found = _envelope(payload) if isinstance(payload, bytes) else payload
        answer = self.server.inbox.take(path, headers, size, decoded_size, found)
        event_id = None if isinstance(found, EventAnswer) else found.headers.get("event_id")
        self._reply(answer.status, JSON, answer.body(event_id), answer.headers)

    def _body(self) -> tuple[bytes | EventAnswer, int]:
        """Read the body and its size. A body over the limit is read and discarded.

        A response before the end of the body would reset the connection, and the
        sender would see the reset instead of the response.
        """
        length = self.headers.get("Content-Length", "")
        if not LENGTH.fullmatch(length):
            # The end of this body, and so the start of the next request, can't be found.
            close = {"Connection": "close"}
            return EventAnswer(411, headers=close, message="no Content-Length"), 0
        size = int(length)
        if size <= LIMIT:
            return self.rfile.read(size), size
        left = size
        while left and (chunk := self.rfile.read(min(left, CHUNK))):
            left -= len(chunk)
        return _too_large(), size

    def _payload(self, path: str, body: bytes | EventAnswer) -> bytes | EventAnswer:
        if isinstance(body, EventAnswer):
            return body
        if not PATH.fullmatch(path):
            return EventAnswer(404, message=f"no such path: {path}")
        encoding = self.headers.get("Content-Encoding", "identity").lower()
        if encoding == "identity":
            return body
        if encoding != "gzip":
            # Sentry's SDK uses brotli by default where it is installed.
            return EventAnswer(
                415,
                headers={"Accept-Encoding": "gzip"},
                message=f"{encoding} is not read here: send gzip, with sentry-sdk by "
                '_experiments={"transport_compression_algo": "gzip"}',
            )
        try:
            # Not gzip.decompress, which has no size limit.
            payload = gzip.GzipFile(fileobj=io.BytesIO(body)).read(LIMIT + 1)
        except (OSError, EOFError, zlib.error) as error:
            return EventAnswer(400, message=f"not gzip: {error}")
        return payload if len(payload) <= LIMIT else _too_large()


def _envelope(payload: bytes) -> ReceivedEnvelope | EventAnswer:
    try:
        return envelope(payload)
    except ValueError as error:
        return EventAnswer(400, message=f"not an envelope: {error}")


def _too_large() -> EventAnswer:
    return EventAnswer(413, message=f"more than {LIMIT} bytes")
