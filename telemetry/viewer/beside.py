"""Starts a viewer that ends with the server's process."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING
from urllib.request import ProxyHandler, build_opener

from telemetry.viewer.addresses import LOOPBACK, url_of
from telemetry.viewer.command import viewer_command, viewer_environment

if TYPE_CHECKING:
    from telemetry.viewer.environment import Progress

# Its environment may be on a slow disk.
_READY_SECONDS = 30.0


def start_beside(port: int, say: Progress) -> str:
    """Start a viewer that ends with this process, even after `exec` of another program.

    It runs in a separate session, so that Ctrl-C doesn't end it before the
    server has sent the last of its spans.

    Args:
        port: Port on 127.0.0.1.
        say: Called with a message if the environment has to be created.

    Returns:
        Address of the viewer, which has answered.

    Raises:
        OSError: The environment can't be created, or the viewer doesn't answer.
    """
    command = viewer_command(say)
    ours, ends_with_us = os.pipe()
    # Stays open until this process ends. Other child processes do not inherit it.
    os.set_inheritable(ends_with_us, True)
    process = subprocess.Popen(  # noqa: S603 - no input in it
        [
            *command,
            *("--host", LOOPBACK, "--port", str(port)),
            *("--until-closed", str(ours), "--quiet"),
        ],
        env=viewer_environment(),
        pass_fds=[ours],
        start_new_session=True,
    )
    os.close(ours)
    address = url_of(LOOPBACK, port)
    _wait(process, address)
    return address


def _wait(process: subprocess.Popen[bytes], address: str) -> None:
    # A proxy from the environment is not used for loopback.
    opener = build_opener(ProxyHandler({}))
    until = time.monotonic() + _READY_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise OSError(f"the viewer ended with {process.returncode}")
        try:
            opener.open(address, timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    process.terminate()
    raise OSError(f"the viewer didn't answer at {address} within {_READY_SECONDS:g} s")
