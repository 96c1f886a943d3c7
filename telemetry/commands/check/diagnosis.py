"""From an answer to what is wrong, and what to do about it."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.commands.check.answers import Answer

_MEDIA = ("application/x-protobuf", "application/json")
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Destination:
    """What the advice names: where it was sent, and the variables that say so."""

    protocol: str
    """`http/protobuf`, `grpc`, or `sentry`."""
    address_variable: str
    secret_variable: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is wrong and what to do; neither ever holds a secret."""

    problem: str
    advice: str


def diagnose(answer: Answer, to: Destination, message: Any = None) -> Diagnosis | None:
    """None if it arrived.

    Args:
        answer: of the backend.
        to: what was asked.
        message: the class of OTLP's answer, to see whether all was accepted.
    """
    if answer.grpc_code:
        return _of_grpc(answer, to) or _of_acceptance(answer, message)
    if answer.error is not None:
        return _of_no_answer(answer.error, to)
    if answer.status is None:
        return Diagnosis("nothing was sent", "This is a defect of the check: please report it.")
    return _of_status(answer, to) or _of_content(answer, to) or _of_acceptance(answer, message)


def _of_status(answer: Answer, to: Destination) -> Diagnosis | None:
    status = answer.status or 0
    if status < 300:
        return None
    if status < 400:
        return Diagnosis(
            f"it redirects elsewhere ({status})",
            f"Nothing follows a redirect: set {to.address_variable} to the address that it names"
            + (f", {_host_of(answer.location)}." if answer.location else "."),
        )
    if to.protocol == "sentry":
        return _of_sentry(answer, status, to)
    if status in (401, 403):
        return Diagnosis(
            f"it refuses the credentials ({status})",
            f"Check {to.secret_variable}: a token of this backend, of this region, not revoked.",
        )
    if status in (404, 405):
        return Diagnosis(
            f"nothing takes OTLP at this path ({status})",
            f"{to.address_variable} is a base to which /v1/traces, /v1/metrics and /v1/logs are "
            "added; one signal's own variable is taken as it is.",
        )
    if status in (400, 415):
        return Diagnosis(
            f"it doesn't understand what is sent ({status})",
            "Is it a receiver of OTLP over HTTP? Check the port and OTEL_EXPORTER_OTLP_PROTOCOL.",
        )
    if status in (413, 429):
        return Diagnosis(
            f"it wants less ({status})", "A quota or a limit is used up: see the backend's pages."
        )
    return Diagnosis(
        f"it fails ({status})", "The backend or a proxy before it is in trouble: see its log."
    )


def _of_sentry(answer: Answer, status: int, to: Destination) -> Diagnosis:
    said = _first_line(answer.body)
    if status in (401, 403):
        problem, advice = "it refuses the key", "Copy the DSN from the project's settings again."
    elif status in (400, 404):
        problem = "it has no such project, or the key isn't its own"
        advice = f"Copy the DSN from the project's settings again: {to.address_variable} ends in "
        advice += "the project's number."
    elif status == 429:
        problem, advice = "it wants less", "The project's quota is used up: see its settings."
    else:
        problem, advice = "it fails", "The tracker or a proxy before it is in trouble: see its log."
    return Diagnosis(f"{problem} ({status}){f': {said}' if said else ''}", advice)


def _of_content(answer: Answer, to: Destination) -> Diagnosis | None:
    media = answer.content_type.partition(";")[0].strip().lower()
    is_a_page = media == "text/html" or answer.body.lstrip()[:1] == b"<"
    if not is_a_page:
        return None
    return Diagnosis(
        f"a web page answered ({answer.status}, {media or 'no type'})",
        f"A proxy, a login or another site is at {to.address_variable}'s address; whatever is "
        "sent there is lost without an error.",
    )


def _of_acceptance(answer: Answer, message: Any) -> Diagnosis | None:
    if message is None or not answer.body or "json" in answer.content_type:
        return None
    try:
        partial = message.FromString(answer.body).partial_success
    except Exception:  # noqa: BLE001 - protobuf's own, of whichever implementation
        return Diagnosis(
            "its answer is no OTLP", "Something else is there: check the address and the port."
        )
    rejected = next((value for field, value in partial.ListFields() if "rejected" in field.name), 0)
    if not rejected:
        return None
    return Diagnosis(
        f"it was rejected: {_first_line(partial.error_message.encode()) or 'no reason given'}",
        "The backend answers 200 and keeps nothing: its message says why.",
    )


def _of_no_answer(error: BaseException, to: Destination) -> Diagnosis:
    causes = list(_causes(error))
    if any("SSL" in type(cause).__name__ for cause in causes):
        return Diagnosis(
            "TLS fails",
            "The certificate isn't trusted or isn't this host's, or the port speaks no TLS: check "
            f"{to.address_variable}, or OTEL_EXPORTER_OTLP_CERTIFICATE.",
        )
    if any(isinstance(c, socket.gaierror) or "NameResolution" in type(c).__name__ for c in causes):
        return Diagnosis("its name is unknown", f"Check the host in {to.address_variable}.")
    if any(isinstance(c, ConnectionRefusedError) for c in causes):
        return Diagnosis(
            "nothing listens there",
            f"Is it running? Check the host and the port in {to.address_variable}.",
        )
    if any(isinstance(c, requests.Timeout) or "Timeout" in type(c).__name__ for c in causes):
        return Diagnosis(
            "no answer in time", f"Is a firewall in between? Check {to.address_variable}."
        )
    return Diagnosis(
        f"it doesn't speak HTTP ({type(causes[-1]).__name__})",
        f"Is it a gRPC port, as 4317 is? Then OTEL_EXPORTER_OTLP_PROTOCOL=grpc; "
        f"else check {to.address_variable}.",
    )


def _of_grpc(answer: Answer, to: Destination) -> Diagnosis | None:
    code, details = answer.grpc_code, answer.grpc_details
    if code == "OK":
        return None
    if code in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
        return Diagnosis(
            f"it refuses the credentials ({code})",
            f"Check {to.secret_variable}: a token of this backend, of this region, not revoked.",
        )
    if code == "DEADLINE_EXCEEDED":
        return Diagnosis(
            "no answer in time", f"Is a firewall in between? Check {to.address_variable}."
        )
    if code == "UNIMPLEMENTED":
        return Diagnosis("it takes no OTLP (UNIMPLEMENTED)", f"Check {to.address_variable}.")
    if code != "UNAVAILABLE":
        return Diagnosis(f"it fails ({code})", "See the backend's log.")
    if "refused" in details:
        return Diagnosis(
            "nothing listens there",
            f"Is it running? Check the host and the port in {to.address_variable}.",
        )
    if any(word in details for word in ("DNS", "lookup", "resolv")):
        return Diagnosis("its name is unknown", f"Check the host in {to.address_variable}.")
    if "SSL" in details or "handshake" in details.lower():
        return Diagnosis(
            "TLS fails",
            "Is it without TLS? Then the address begins with http://. Else check its certificate.",
        )
    return Diagnosis(
        "it doesn't speak gRPC",
        "Is it an HTTP port, as 4318 is? Then OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf; "
        f"else check {to.address_variable}.",
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and all that it was made of; urllib3 keeps its own in `reason`."""
    seen: set[int] = set()
    waiting: list[Any] = [error]
    while waiting:
        found = waiting.pop(0)
        if not isinstance(found, BaseException) or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        waiting += [found.__cause__, found.__context__, getattr(found, "reason", None), *found.args]


def _host_of(url: str) -> str:
    return url.partition("?")[0].rpartition("@")[2][:_LONGEST]


def _first_line(text: bytes) -> str:
    lines = text.decode("utf-8", "replace").strip().splitlines()
    line = lines[0] if lines else ""
    readable = "".join(character for character in line if character.isprintable())
    return "" if readable.startswith("<") else readable[:_LONGEST]
