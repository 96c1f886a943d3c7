"""A real collector between an application and a receiver."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from tests.support.environment import clean_environment
from tests.support.processes import HOST, Program, accepts_connections, free_port, program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from telemetry.testing import OTLPReceiver


class Rotel:
    """A running collector; send to `url` (http/protobuf) or `grpc_endpoint`."""

    def __init__(self, running: Program, http_port: int, grpc_port: int) -> None:
        self.program = running
        self.url = f"http://{HOST}:{http_port}"
        self.grpc_endpoint = f"http://{HOST}:{grpc_port}"


@contextmanager
def serve_rotel(receiver: OTLPReceiver, tmp_path: Path) -> Iterator[Rotel]:
    """Run rotel, passing on all three signals to `receiver` over OTLP/HTTP.

    It acknowledges before it exports, so wait for arrival at the receiver.
    """
    http_port, grpc_port = free_port(), free_port()
    options = {
        # Its defaults are fixed paths and ports, shared by the whole machine.
        "--pid-file": str(tmp_path / "rotel.pid"),
        "--log-file": str(tmp_path / "rotel.log"),
        "--otlp-http-endpoint": f"{HOST}:{http_port}",
        "--otlp-grpc-endpoint": f"{HOST}:{grpc_port}",
        "--exporter": "otlp",
        "--otlp-exporter-protocol": "http",
        "--otlp-exporter-endpoint": receiver.url,
        "--batch-timeout": "20ms",
    }
    arguments = [part for option in options.items() for part in option]
    # The Python package only wraps this program, and its way to stop it is
    # to trust the number in a file.
    with as_file(files("rotel") / "rotel-agent") as agent:
        command = [str(agent), "start", *arguments]
        with program(command, env=clean_environment(), cwd=tmp_path) as running:
            running.wait_until(
                lambda: accepts_connections(http_port) and accepts_connections(grpc_port)
            )
            yield Rotel(running, http_port, grpc_port)
