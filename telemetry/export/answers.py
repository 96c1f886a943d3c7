"""A backend's answer to one request, and whether its items count as delivered.

The rules are those of the OTLP specification ("OTLP/HTTP Response", "OTLP/gRPC Response"), and a
little more: 500 and 408 are retried, since proxies and overloaded backends answer so, and an
answer that is no answer of an OTLP receiver is a failure.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BODY = 64 * 1024
"""Bytes that are read of an answer."""
PROXY_SILENT = "the proxy does not answer"
NO_TLS = "TLS handshake failed"
UNKNOWN_HOST = "host name not found"
REFUSED = "connection refused"
TIMED_OUT = "no response before the timeout"
_LONGEST = 200
_RETRIED = frozenset({408, 429, 500, 502, 503, 504})
GRPC_RETRIED = frozenset(
    {
        "CANCELLED",
        "DEADLINE_EXCEEDED",
        "RESOURCE_EXHAUSTED",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNAVAILABLE",
        "DATA_LOSS",
    }
)
"""Status codes after which an export over gRPC is tried again, by the specification."""


@dataclass(slots=True)
class Answer:
    """Result of one attempt: a response over HTTP, a status over gRPC, or neither."""

    status: int | None = None
    content_type: str = ""
    location: str = ""
    body: bytes = b""
    error: BaseException | None = None
    """Exception that ended the attempt, if there was no response."""
    grpc_code: str = ""
    grpc_details: str = ""
    retry_after: float | None = None
    """Seconds after which the backend wants the next attempt."""


class Result(Enum):
    """What becomes of the items of a request."""

    DELIVERED = "delivered"
    RETRY = "retry"
    TOO_LARGE = "too large"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer means for the items that were sent."""

    result: Result
    error_type: str = ""
    """Value of the attribute ``error.type``: a status or the name of an exception."""
    reason: str = ""
    """For people. Empty if all items were accepted."""
    rejected: int = 0
    """Number of items that were rejected out of a delivered batch."""
    is_server_error: bool = False
    """Whether a status of 500 was answered, which one of the items may cause each time."""


def judge(answer: Answer, grpc_retried: frozenset[str] = GRPC_RETRIED) -> Verdict:
    """Return what an answer means.

    Args:
        answer: the answer of one attempt.
        grpc_retried: status codes of gRPC after which a request is tried again.
    """
    if answer.grpc_code:
        return _of_grpc(answer, grpc_retried)
    if answer.status is None:
        error = answer.error or ConnectionError("no response")
        return Verdict(Result.RETRY, type(root_cause(error)).__name__, no_answer(error))
    return _of_status(answer, answer.status)


def seconds_until_retry(header: str | None) -> float | None:
    """Return the seconds of the header ``Retry-After``, which has a number or a date.

    Source: RFC 9110, 10.2.3. None if it is missing or neither.
    """
    if header is None:
        return None
    try:
        return max(float(int(header)), 0.0)
    except (ValueError, OverflowError):
        pass
    try:
        date = parsedate_to_datetime(header)
        return max((date - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None


def _of_grpc(answer: Answer, retried: frozenset[str]) -> Verdict:
    code = answer.grpc_code
    if code == "OK":
        return _of_acceptance(answer)
    details = first_line(answer.grpc_details)
    reason = f"{code}: {details}" if details else code
    if code == "RESOURCE_EXHAUSTED" and "larger than max" in answer.grpc_details:
        return Verdict(Result.TOO_LARGE, code, reason)
    return Verdict(Result.RETRY if code in retried else Result.REFUSED, code, reason)


def _of_status(answer: Answer, status: int) -> Verdict:
    if 200 <= status < 300:
        if is_web_page(answer):
            return Verdict(Result.REFUSED, str(status), f"the response is a web page ({status})")
        return _of_acceptance(answer)
    if 300 <= status < 400:
        target = host_of(answer.location)
        reason = f"a redirect{f' to {target}' if target else ''}, which is not followed ({status})"
        return Verdict(Result.REFUSED, str(status), reason)
    said = "" if is_web_page(answer) else _message(answer)
    reason = f"status {status}{f': {said}' if said else ''}"
    if status == 413:
        return Verdict(Result.TOO_LARGE, "413", reason)
    result = Result.RETRY if status in _RETRIED else Result.REFUSED
    return Verdict(result, str(status), reason, is_server_error=status == 500)


def _of_acceptance(answer: Answer) -> Verdict:
    from google.protobuf.message import DecodeError

    from telemetry.export.decoding import decode_response

    try:
        rejected, message = decode_response(answer.body, answer.content_type)
    except DecodeError:
        status = answer.grpc_code or str(answer.status)
        return Verdict(Result.REFUSED, status, f"the response is not OTLP ({status})")
    if rejected <= 0:
        return Verdict(Result.DELIVERED)
    said = first_line(message)
    return Verdict(
        Result.DELIVERED,
        "rejected",
        f"{rejected} rejected: {said or 'no reason given'}",
        rejected=rejected,
    )


def _message(answer: Answer) -> str:
    from telemetry.export.decoding import decode_error

    return first_line(decode_error(answer.body, answer.content_type))


def is_web_page(answer: Answer) -> bool:
    """Whether an answer's body is HTML."""
    media = answer.content_type.partition(";")[0].strip().lower()
    return media == "text/html" or answer.body.lstrip()[:1] == b"<"


def no_answer(error: BaseException) -> str:
    """Describe why there was no response, for people."""
    known = list(causes(error))
    if any(type(cause).__name__ == "ProxyError" for cause in known):
        return PROXY_SILENT
    if any(isinstance(cause, ssl.SSLError) for cause in known):
        return NO_TLS
    if any(isinstance(cause, socket.gaierror) for cause in known):
        return UNKNOWN_HOST
    if any(isinstance(cause, ConnectionRefusedError) for cause in known):
        return REFUSED
    if any(isinstance(c, TimeoutError) or "Timeout" in type(c).__name__ for c in known):
        return TIMED_OUT
    return f"no HTTP response ({type(root_cause(error)).__name__})"


def root_cause(error: BaseException) -> BaseException:
    """Return the exception that began a chain of causes."""
    found = error
    for cause in causes(error):
        if isinstance(cause, OSError) or not isinstance(found, OSError):
            found = cause
    return found


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and its causes. urllib3 keeps its cause in ``reason``."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        found = waiting.pop(0)
        if not isinstance(found, BaseException) or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        waiting += [found.__cause__, found.__context__, getattr(found, "reason", None), *found.args]


def host_of(url: str) -> str:
    """Return an address without its query string and credentials, cut to a readable length."""
    return url.partition("?")[0].rpartition("@")[2][:_LONGEST]


def is_final(status: int) -> bool:
    """Whether a status says that the items are not wanted, whatever the body says."""
    return 400 <= status < 500 and status not in _RETRIED


def first_line(text: str) -> str:
    """Return the first line of a message, without what can't be printed; empty for HTML."""
    lines = text.strip().splitlines()
    line = lines[0] if lines else ""
    readable = "".join(character for character in line if character.isprintable())
    if len(readable) > _LONGEST:
        # Between words: the message may quote the token that it refuses.
        readable = readable[: _LONGEST + 1].rpartition(" ")[0]
    return "" if readable.startswith("<") else readable
