"""Address of the viewer, and the check that its port is free."""

from __future__ import annotations

import ipaddress
import socket

LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 4318
"""The default port of OTLP over HTTP."""


def url_of(host: str, port: int) -> str:
    """Return the address of the pages and of the receiver."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = LOOPBACK
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def announcement(host: str, port: int) -> list[str]:
    """Return the lines to print at start-up, with a warning if other machines have access."""
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
    """Check the port before start-up, for a better error message.

    Raises:
        ValueError: The port is in use or invalid. Names it, and how to choose another.
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
    """Return the system's error for listening on a port, or None if it is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do. Otherwise the port of one that has just stopped would seem in use.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
    return None
