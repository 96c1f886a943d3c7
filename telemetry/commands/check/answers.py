"""What a backend answered, as it came: the exporters tell only whether they are content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import requests

from telemetry import private_api

E = TypeVar("E")
_LONGEST = 64 * 1024


@dataclass(slots=True)
class Answer:
    """Of one attempt: an answer over HTTP, an error over gRPC, or none at all."""

    status: int | None = None
    content_type: str = ""
    location: str = ""
    body: bytes = b""
    error: BaseException | None = None
    """What the attempt ended with, if there was no answer."""
    grpc_code: str = ""
    grpc_details: str = ""


class ObservingTransport:
    """Sends once, for so many seconds, and keeps the answer."""

    def __init__(self, timeout: float) -> None:
        self.answer = Answer()
        self._timeout = timeout

    def session(self) -> requests.Session:
        """OTLP over HTTP."""
        return _Session(self.answer, self._timeout)

    def watched(self, exporter: E) -> E:
        """OTLP over gRPC."""
        import grpc

        # A check is to answer now; whether it would work later is another question.
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
    """None of those that the exporter would try again for."""


class _Session(requests.Session):
    def __init__(self, answer: Answer, timeout: float) -> None:
        super().__init__()
        self._answer = answer
        self._timeout = timeout

    def request(self, *args: Any, **options: Any) -> requests.Response:
        """As any session's; what is no success ends it."""
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
