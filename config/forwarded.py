"""The client and the scheme of a request that came through proxies."""

from ipaddress import ip_address

from telemetry.scope import ASGIApp, Receive, Scope, Send


class ForwardedHeaders:
    """Sets the client and the scheme from what the trusted proxies have added to the headers.

    Each proxy appends the address of its client to X-Forwarded-For, so that the last entries are
    the proxies' and all entries before them are the client's word. With two proxies, the entry
    before the last one counts.

    Args:
        app: The application.
        proxies: Number of proxies in front of the host, 1 or more. All connections must come from
            the last of them: the port must not be reachable otherwise.
    """

    def __init__(self, app: ASGIApp, proxies: int) -> None:
        self.app = app
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            scope = {**scope, **self._forwarded(scope)}
        await self.app(scope, receive, send)

    def _forwarded(self, scope: Scope) -> dict[str, object]:
        found: dict[str, object] = {}
        schemes = _entries(scope, b"x-forwarded-proto")
        if schemes and schemes[-1].lower() in ("http", "https"):
            secure = schemes[-1].lower() == "https"
            websocket = scope["type"] == "websocket"
            found["scheme"] = ("wss" if secure else "ws") if websocket else schemes[-1].lower()
        addresses = _entries(scope, b"x-forwarded-for")
        if len(addresses) >= self._proxies:
            address = _address(addresses[-self._proxies])
            if address is not None:
                found["client"] = (address, 0)
        return found


def _entries(scope: Scope, wanted: bytes) -> list[str]:
    """All entries of a header, which may occur several times."""
    values = (value.decode("latin-1") for name, value in scope["headers"] if name == wanted)
    return [entry.strip() for value in values for entry in value.split(",")]


def _address(entry: str) -> str | None:
    """An IP address, which may have a port; None if it is none."""
    if entry.startswith("["):
        entry = entry[1:].partition("]")[0]
    elif entry.count(":") == 1:
        entry = entry.partition(":")[0]
    try:
        return str(ip_address(entry))
    except ValueError:
        return None
