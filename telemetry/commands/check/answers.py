"""Records a backend's response, since the exporters report only success or failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import requests

from telemetry import private_api

E = TypeVar("E")
_LONGEST = 64 * 1024


@dataclass(slots=True)
class Answer:
    """Result of one attempt: a response over HTTP, an error over gRPC, or neither."""

    status: int | None = None
    content_type: str = ""
    location: str = ""
    body: bytes = b""
    error: BaseException | None = None
    """Exception that ended the attempt, if there was no response."""
    grpc_code: str = ""
    grpc_details: str = ""


class ObservingTransport:
    """Sends once, with a timeout in seconds, and records the response."""

    def __init__(self, timeout: float) -> None:
        self.answer = Answer()
        self._timeout = timeout

    def session(self) -> requests.Session:
        """Return a session for OTLP over HTTP that records the response."""
        return _Session(self.answer, self._timeout)

    def watched(self, exporter: E) -> E:
        """Record the response to an exporter of OTLP over gRPC."""
        import grpc

        # No retries: the command reports whether the backend works now.
        private_api.replace(private_api.GRPC_RETRIED_CODES, frozenset(), exporter)
        client: Any = private_api.get(private_api.GRPC_CLIENT, exporter)
        send, answer = getattr(client, "Export", None), self.answer
        if send is None:
            private_api.report_unusable(private_api.GRPC_CLIENT)
            return exporter

        def sent(*args: Any, **arguments: Any) -> Any:
            try:
                received = send(*args, **{**arguments, "timeout": self._timeout})
            except grpc.RpcError as error:
                call: Any = error
                answer.grpc_code, answer.grpc_details = call.code().name, call.details() or ""
                raise
            answer.grpc_code, answer.body = "OK", received.SerializeToString()
            return received

        client.Export = sent
        return exporter


class FailedError(Exception):
    """A failed attempt. Not an exception for which the exporter would retry."""


class _Session(requests.Session):
    def __init__(self, answer: Answer, timeout: float) -> None:
        super().__init__()
        self._answer = answer
        self._timeout = timeout

    def request(self, *args: Any, **options: Any) -> requests.Response:
        """Send as `requests.Session` does. Raises FailedError for a failure or an error status."""
        try:
            response = super().request(*args, **{**options, "timeout": self._timeout})
        except requests.RequestException as error:
            self._answer.error = error
            raise FailedError(str(error)) from error
        self._answer.status = response.status_code
        self._answer.content_type = response.headers.get("Content-Type", "")
        self._answer.location = response.headers.get("Location", "")
        self._answer.body = response.content[:_LONGEST]
        if not response.ok:
            raise FailedError(str(response.status_code))
        return response
