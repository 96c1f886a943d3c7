"""Where the viewer listens, and whether it can."""

from __future__ import annotations

import ipaddress
import socket

LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 4318
"""OTLP over HTTP's own."""


def url_of(host: str, port: int) -> str:
    """The address to open, and to send to."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = LOOPBACK
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def announcement(host: str, port: int) -> list[str]:
    """What to say once it listens: with a warning, if others can reach it."""
    address = url_of(host, port)
    lines = [f"Viewer: {address}/", f"Send to it: OTEL_EXPORTER_OTLP_ENDPOINT={address}"]
    if not _is_loopback(host):
        lines.append(
            f"Warning: it listens on {host}, not on loopback alone. Whoever reaches that can "
            "read what it shows and add to it."
        )
    return lines


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_free(host: str, port: int) -> None:
    """Find out early, where it can be said better.

    Raises:
        ValueError: naming the port that is taken or is none, and how to choose another.
    """
    if not 1 <= port <= 65535:
        raise ValueError(f"--port is {port}: wanted a port between 1 and 65535")
    reason = why_taken(host, port)
    if reason is not None:
        other = port + 2 if port < 65534 else DEFAULT_PORT
        raise ValueError(
            f"can't listen on {host} port {port}: {reason}. "
            "Another viewer or a collector may be running there. Choose another: "
            f"--port {other}, and OTEL_EXPORTER_OTLP_ENDPOINT={url_of(host, other)}."
        )


def why_taken(host: str, port: int) -> str | None:
    """Why nobody can listen there, in the system's words; None where it is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do, or one that was stopped a moment ago would seem to run.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
    return None
