"""The relevant frames of a traceback."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

from telemetry.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

OWN_FRAMES = 3
_FRAME = re.compile(r'^  File "(.*)", line (\d+), in (.*)$')
# This package's own folder among them: in a checkout it is not below site-packages.
_LIBRARIES = (
    "/site-packages/",
    f"{sys.base_prefix}/lib/",
    "<frozen ",
    f'"{os.path.dirname(__file__)}/',
)
# The folder before a module's path. It is removed so that the line number fits on the screen.
_FOLDER = re.compile(rf'"(?:.*/site-packages/|{re.escape(os.getcwd())}/)')


def frames(stacktrace: str) -> Sequence[str]:
    """The application's last three frames, the code of the last of them, and the raising frame.

    The last two frames if none is the application's.
    """
    lines = stacktrace.splitlines()
    found = [index for index, line in enumerate(lines) if _FRAME.match(line)]
    own = [index for index in found if not any(part in lines[index] for part in _LIBRARIES)]
    if not own:
        return [_shown(lines[index]) for index in found[-2:]]
    shown = [_shown(lines[index]) for index in own[-OWN_FRAMES:]]
    code = lines[own[-1] + 1] if own[-1] + 1 < len(lines) else ""
    if code.startswith("    "):
        shown.append(f"    {printable(code)}")
    if found[-1] != own[-1]:
        shown.append(_shown(lines[found[-1]]))
    return shown


def _shown(frame: str) -> str:
    return _FOLDER.sub('"', printable(frame))
