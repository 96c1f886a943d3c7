"""Derives the problem and its remedy from a backend's response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from telemetry.export.answers import (
    NO_TLS,
    PROXY_SILENT,
    REFUSED,
    TIMED_OUT,
    UNKNOWN_HOST,
    first_line,
    host_of,
    is_web_page,
    no_answer,
)
from telemetry.settings import variables as v

if TYPE_CHECKING:
    from telemetry.export.answers import Answer


_PROXY = (
    "HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names it. NO_PROXY lists hosts that are reached without "
    "it."
)


@dataclass(frozen=True, slots=True)
class Target:
    """Destination and variables that the advice refers to."""

    protocol: str
    """``http/protobuf``, ``grpc`` or ``sentry``."""
    address_variable: str
    secret_variable: str
    certificate_variable: str = str(v.OTLP_CERTIFICATE)
    """Variable of the trusted certificates. Empty: there is none."""
    grpc_proxy: str | None = None
    """Variable that names the proxy which gRPC uses."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A problem and its remedy. Neither contains a secret."""

    problem: str
    advice: str


def diagnose(answer: Answer, to: Target, message: Any = None) -> Diagnosis | None:
    """Return the problem, or None if the data arrived.

    Args:
        answer: Response of the backend.
        to: Destination of the data.
        message: Class of the OTLP response, to detect a partial success.
    """
    if answer.grpc_code:
        return _of_grpc(answer, to) or _of_acceptance(answer, message)
    if answer.error is not None:
        return _of_no_answer(answer.error, to)
    if answer.status is None:
        return Diagnosis("no request was sent", "This is a defect of the check: please report it.")
    return _of_status(answer, to) or _of_content(answer, to) or _of_acceptance(answer, message)


def _of_status(answer: Answer, to: Target) -> Diagnosis | None:
    status = answer.status or 0
    if status < 300:
        return None
    if status < 400:
        return Diagnosis(
            f"redirect, which is not followed ({status})",
            f"Set {to.address_variable} to the address that the redirect names"
            + (f", {host_of(answer.location)}." if answer.location else "."),
        )
    if to.protocol == "sentry":
        return _of_sentry(answer, status, to)
    if status in (401, 403):
        return Diagnosis(
            f"credentials refused ({status})",
            f"Check {to.secret_variable}: a token of this backend, of this region, not revoked.",
        )
    if status == 407:
        return Diagnosis(f"the proxy wants other credentials ({status})", _PROXY)
    if status in (404, 405):
        return Diagnosis(
            f"no OTLP receiver at this path ({status})",
            f"{to.address_variable} is a base address to which /v1/traces, /v1/metrics and "
            "/v1/logs are appended. A variable of one signal is used as it is.",
        )
    if status in (400, 415):
        return Diagnosis(
            f"request not understood ({status})",
            "Is it a receiver of OTLP over HTTP? Check the port and OTEL_EXPORTER_OTLP_PROTOCOL.",
        )
    if status == 413:
        return Diagnosis(
            f"request too large ({status})",
            "The backend or a proxy limits the size of a request: see its settings.",
        )
    if status == 429:
        return Diagnosis(
            f"rate limited ({status})",
            "A quota or a rate limit is used up: see the backend's pages.",
        )
    return Diagnosis(
        f"backend error ({status})", "See the log of the backend, or of a proxy in front of it."
    )


def _of_sentry(answer: Answer, status: int, to: Target) -> Diagnosis:
    said = first_line(answer.body.decode("utf-8", "replace"))
    if status in (401, 403):
        problem, advice = "key refused", "Copy the DSN from the project's settings again."
    elif status in (400, 404):
        problem = "unknown project, or a key of another project"
        advice = f"Copy the DSN from the project's settings again: {to.address_variable} ends in "
        advice += "the project's number."
    elif status == 429:
        problem, advice = "rate limited", "The project's quota is used up: see its settings."
    else:
        problem = "error tracker failed"
        advice = "See the log of the error tracker, or of a proxy in front of it."
    return Diagnosis(f"{problem} ({status}){f': {said}' if said else ''}", advice)


def _of_content(answer: Answer, to: Target) -> Diagnosis | None:
    if not is_web_page(answer):
        return None
    media = answer.content_type.partition(";")[0].strip().lower()
    return Diagnosis(
        f"response is a web page ({answer.status}, {media or 'no type'})",
        f"A proxy, a login page or another site answers at the address in {to.address_variable}. "
        "Data that is sent there is lost without an error.",
    )


def _of_acceptance(answer: Answer, message: Any) -> Diagnosis | None:
    if message is None or not answer.body or "json" in answer.content_type:
        return None
    try:
        partial = message.FromString(answer.body).partial_success
    except Exception:  # noqa: BLE001 - protobuf's own, of whichever implementation
        return Diagnosis(
            "response is not OTLP", "Another service answers: check the address and the port."
        )
    rejected = next((value for field, value in partial.ListFields() if "rejected" in field.name), 0)
    if not rejected:
        return None
    return Diagnosis(
        f"rejected: {first_line(partial.error_message) or 'no reason given'}",
        "The backend answered 200 and rejected the data: its message gives the reason.",
    )


def _of_no_answer(error: BaseException, to: Target) -> Diagnosis:
    problem = no_answer(error)
    variable = to.address_variable
    advice = {
        PROXY_SILENT: _PROXY,
        NO_TLS: "The certificate is not trusted or not of this host, or the port has no TLS: check "
        f"{' or '.join(filter(None, (variable, to.certificate_variable)))}.",
        UNKNOWN_HOST: f"Check the host in {variable}.",
        REFUSED: f"Is it running? Check the host and the port in {variable}.",
        TIMED_OUT: f"Does a firewall block it? Check {variable}.",
    }.get(problem, "")
    if not advice and to.protocol == "sentry":
        advice = f"Is it a port of the error tracker, with TLS or without? Check {variable}."
    return Diagnosis(
        problem,
        advice
        or f"Is it a gRPC port, as 4317 is? Then OTEL_EXPORTER_OTLP_PROTOCOL=grpc; else check "
        f"{variable}.",
    )


def _of_grpc(answer: Answer, to: Target) -> Diagnosis | None:
    code, details = answer.grpc_code, answer.grpc_details
    if code == "OK":
        return None
    if code in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
        return Diagnosis(
            f"credentials refused ({code})",
            f"Check {to.secret_variable}: a token of this backend, of this region, not revoked.",
        )
    if code == "DEADLINE_EXCEEDED":
        return Diagnosis(
            "no response before the timeout",
            f"Does a firewall block it? Check {to.address_variable}.",
        )
    if code == "UNIMPLEMENTED":
        return Diagnosis("no OTLP service (UNIMPLEMENTED)", f"Check {to.address_variable}.")
    if code != "UNAVAILABLE":
        return Diagnosis(f"backend error ({code})", "See the backend's log.")
    if to.grpc_proxy:
        return Diagnosis(
            PROXY_SILENT,
            f"{to.grpc_proxy} names it. no_proxy lists hosts that are reached without it.",
        )
    if "refused" in details:
        return Diagnosis(
            "connection refused",
            f"Is it running? Check the host and the port in {to.address_variable}.",
        )
    if any(word in details for word in ("DNS", "lookup", "resolv")):
        return Diagnosis("host name not found", f"Check the host in {to.address_variable}.")
    if "SSL" in details or "handshake" in details.lower():
        return Diagnosis(
            "TLS handshake failed",
            "Is it without TLS? Then the address begins with http://. Else check its certificate.",
        )
    return Diagnosis(
        "no gRPC response",
        "Is it an HTTP port, as 4318 is? Then OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf; "
        f"else check {to.address_variable}.",
    )
