"""The host behind a wrapper that does the least of what telemetry does for a request.

A value in the context, a header of the response, and a line of JSON with what a wrapper sees. No
span, no measurement, nothing sent, no redaction, and logging is not asked.
"""

import json
import sys
import time
from contextvars import ContextVar
from random import getrandbits

from benchmarks.hosts.control import with_control
from benchmarks.hosts.root import build
from telemetry.scope import ASGIApp, Message, Receive, Scope, Send

_current: ContextVar[int] = ContextVar("current", default=0)


def _wrapped(app: ASGIApp) -> ASGIApp:
    async def wrapper(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        began = time.perf_counter()
        status = size = 0
        trace_id = getrandbits(128)

        async def sent(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                value = f"00-{trace_id:032x}-{getrandbits(64):016x}-01".encode()
                headers = [*message.get("headers", ()), (b"traceresponse", value)]
                message = {**message, "headers": headers}
            else:
                size += len(message.get("body", b""))
            await send(message)

        token = _current.set(trace_id)
        try:
            await app(scope, receive, sent)
        finally:
            _current.reset(token)
            took = (time.perf_counter() - began) * 1000
            sys.stdout.write(
                f'{{"time":{time.time()},"path":{json.dumps(scope["path"])},"status":{status},'
                f'"bytes":{size},"ms":{took},"trace_id":"{trace_id:032x}"}}\n'
            )
            sys.stdout.flush()

    return wrapper


application = with_control(_wrapped(build()))
