"""Checks the Host header against DNS rebinding.

A page elsewhere must not read the viewer's pages through a name that it points at this machine.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    App = Callable[[Any, Any, Any], Awaitable[None]]


class HostCheck:
    """Answers 421 unless the Host is an IP address, `localhost` or one of the given names.

    IP addresses are safe, since DNS rebinding needs a name.
    """

    def __init__(self, app: App, names: Iterable[str] = ()) -> None:
        self._app = app
        self._names = {"localhost", *(name.lower() for name in names)}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the request on, or answer 421."""
        if scope["type"] != "http" or self._is_known(scope["headers"]):
            await self._app(scope, receive, send)
            return
        text = b"This host name is not known here: --allowed-host NAME makes it so.\n"
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        await send({"type": "http.response.start", "status": 421, "headers": headers})
        await send({"type": "http.response.body", "body": text})

    def _is_known(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        hosts = [value.decode("latin-1").lower() for name, value in headers if name == b"host"]
        if len(hosts) != 1:
            return False
        name = hosts[0] if hosts[0].endswith("]") else hosts[0].rpartition(":")[0] or hosts[0]
        if name in self._names:
            return True
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True
