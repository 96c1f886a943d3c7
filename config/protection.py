"""Headers of all responses that protect visitors, for the home page and for the sites.

Django's middleware and Datasette each set some of them. What an application has set stays.
"""

from collections.abc import Iterable

from telemetry.scope import Message, Scope, Send

HSTS_SECONDS = 365 * 24 * 3600
_HSTS = (
    b"strict-transport-security",
    f"max-age={HSTS_SECONDS}; includeSubDomains; preload".encode(),
)
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


def protected(send: Send, scope: Scope, *, https: bool) -> Send:
    """Return a `send` that adds the headers that a response lacks.

    Args:
        send: The server's.
        scope: The request's. Its scheme is the proxy's word, if the proxy is trusted.
        https: Whether the host is only for HTTPS.
    """
    secure = https and scope.get("scheme") == "https"
    added = (*_HEADERS, _HSTS) if secure else _HEADERS

    async def send_protected(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers") or ())
            names = {name.lower() for name, _ in given}
            missing = [(name, value) for name, value in added if name not in names]
            message = {**message, "headers": [*given, *missing]}
        await send(message)

    return send_protected


def with_protected_cookies(send: Send, *, https: bool) -> Send:
    """Return a `send` that makes cookies `HttpOnly` and `SameSite`, and `Secure` with HTTPS.

    For Datasette's cookies: no script of its pages reads one.
    """

    async def send_protected(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = _with_attributes(message.get("headers") or (), https=https)
            message = {**message, "headers": headers}
        await send(message)

    return send_protected


def _with_attributes(
    headers: Iterable[tuple[bytes, bytes]], *, https: bool
) -> list[tuple[bytes, bytes]]:
    return [
        (name, _cookie(value, https=https) if name.lower() == b"set-cookie" else value)
        for name, value in headers
    ]


def _cookie(value: bytes, *, https: bool) -> bytes:
    given = {part.partition(b"=")[0].strip().lower() for part in value.split(b";")[1:]}
    if b"httponly" not in given:
        value += b"; HttpOnly"
    if b"samesite" not in given:
        value += b"; SameSite=Lax"
    if https and b"secure" not in given:
        value += b"; Secure"
    return value
