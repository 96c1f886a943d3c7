"""What a server's process has loaded and started, as it says itself."""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from telemetry.scope import Send

PATH = "/_inspect"


async def send_inspection(send: Send) -> None:
    """Answer with modules, threads, the process, Sentry's client in it, and what is collected."""
    found: dict[str, Any] = {
        "modules": sorted(sys.modules),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "process": os.getpid(),
        "client": _sentry_client(),
        "collected": _collected(),
    }
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(found).encode()})


def _collected() -> list[str]:
    """The modules that the garbage collector looks through."""
    objects = gc.get_objects()
    return sorted(module.__name__ for module in objects if isinstance(module, ModuleType))


def _sentry_client() -> int | None:
    if "sentry_sdk" not in sys.modules:
        return None
    import sentry_sdk

    client = sentry_sdk.get_client()
    return id(client) if client.is_active() else None
