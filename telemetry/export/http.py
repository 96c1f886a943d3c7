"""OTLP over HTTP: one request, one answer."""

from __future__ import annotations

# The next two are needed by `certifi` and `socket`, which import them when they are called: on the
# thread that sends. A process that is forked meanwhile would wait for the import without an end.
import encodings.idna  # noqa: F401
import importlib.readers  # noqa: F401
import time
import zlib
from contextlib import suppress
from pathlib import Path
from socket import SHUT_RDWR
from threading import Lock, Timer
from typing import TYPE_CHECKING, Any, Protocol, Self
from urllib.request import getproxies
from weakref import WeakSet

import certifi
from urllib3 import PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import DecodeError, HTTPError, NewConnectionError, ProtocolError
from urllib3.util import parse_url

from telemetry.export.answers import MAX_BODY, Answer, is_final, seconds_until_retry
from telemetry.version import __version__

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

    import requests
    from urllib3 import BaseHTTPResponse

    from telemetry.settings.variables import Compression

USER_AGENT = f"corkboard-telemetry/{__version__}"
# Of zlib's levels 1 to 9. Measured on batches of 512 similar spans: 0.6 microseconds a span, as
# with level 1; level 6 takes 1.7, for 1 % less.
_LEVEL = 3
_GZIP = zlib.MAX_WBITS + 16
# Takes the place of a body that is not compressed as its headers say. It is no message of OTLP.
_UNREADABLE = b"\xff"
_NO_PROXY = "the address of the proxy can't be used"


class HTTPClient:
    """Sends requests of one signal to one endpoint. Used by one thread at a time.

    Only what is configured decides about credentials and certificates: a ``.netrc`` file,
    REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE do not. The variables of proxies do.

    Args:
        endpoint: URL of the signal.
        headers: Additional headers, for example with a token. None leaves out one that is usual.
        compression: ``gzip``, ``deflate`` or ``none``.
        certificate: File with the certificates of trusted authorities; None for the usual ones.
        client_certificate: Certificate file of this client.
        client_key: Its key file, unless the certificate file has it.
        make_session: Makes the session, for a credential provider; its session stays as it is.
        pause: Returns the seconds after which the server wants the next request, from the status
            and the headers of its response; None for those of ``Retry-After``.
    """

    def __init__(
        self,
        endpoint: str,
        headers: Mapping[str, str | None],
        *,
        compression: Compression,
        certificate: str | None = None,
        client_certificate: str | None = None,
        client_key: str | None = None,
        make_session: Callable[[], requests.Session] | None = None,
        pause: Callable[[int, Mapping[str, str]], float | None] | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._compression = compression
        wanted = {
            "User-Agent": USER_AGENT,
            "Accept": "*/*",
            "Accept-Encoding": "gzip, deflate",
            "Connection": "keep-alive",
            "Content-Type": "application/x-protobuf",
            **({} if compression == "none" else {"Content-Encoding": compression}),
            **headers,
        }
        self._headers = {name: value for name, value in wanted.items() if value is not None}
        self._pause = pause or _retry_after
        self._sockets = _Sockets()
        self._connected = False
        self._connections: _Connections = (
            _Pool(endpoint, self._sockets, certificate, client_certificate, client_key)
            if make_session is None
            else _Session(make_session())
        )

    def send(self, body: bytes, timeout: float) -> Answer:
        """Send one request. Never raises.

        Args:
            body: the request, uncompressed.
            timeout: seconds until the whole answer must have arrived.
        """
        deadline = time.monotonic() + timeout
        # The timeout of a connection is one for each read: a server that sends a byte a second
        # would never reach it.
        with self._sockets.shut_down_after(timeout) as watch:
            try:
                answer = self._try_twice(self._compressed(body), deadline)
            except Exception as error:  # noqa: BLE001 # of urllib3, or a provider's session
                answer = Answer(error=error)
        if answer.status is not None and is_final(answer.status):
            return answer
        # A body without a length ends where its connection does.
        if watch.fired or (answer.error is not None and time.monotonic() >= deadline):
            return Answer(error=TimeoutError(f"no response within {timeout:g} s"))
        return answer

    def _try_twice(self, body: bytes, deadline: float) -> Answer:
        reused, self._connected = self._connected, False
        try:
            answer = self._post(body, deadline)
        except self._connections.broken:
            # The server may have closed a connection that was not in use.
            if not reused or time.monotonic() >= deadline:
                raise
            answer = self._post(body, deadline)
        self._connected = True
        return answer

    def _post(self, body: bytes, deadline: float) -> Answer:
        left = max(deadline - time.monotonic(), 0.001)
        response = self._connections.post(self._endpoint, body, self._headers, left)
        try:
            content = response.read(MAX_BODY, decode_content=True)
        except DecodeError:
            # A proxy's fault. Sent again, what the backend has accepted would be paid for again.
            content = _UNREADABLE if response.status < 300 else b""
        except (HTTPError, OSError):
            if not is_final(response.status):
                raise
            content = b""
        finally:
            # If all of it was read, the connection has gone back to its pool.
            response.close()
        return Answer(
            status=response.status,
            content_type=response.headers.get("Content-Type", ""),
            location=response.headers.get("Location", ""),
            body=content,
            retry_after=self._pause(response.status, response.headers),
        )

    def _compressed(self, body: bytes) -> bytes:
        if self._compression == "none":
            return body
        bits = _GZIP if self._compression == "gzip" else zlib.MAX_WBITS
        packer = zlib.compressobj(_LEVEL, wbits=bits)
        return packer.compress(body) + packer.flush()

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()


def _retry_after(_status: int, headers: Mapping[str, str]) -> float | None:
    return seconds_until_retry(headers.get("Retry-After"))


class _Connections(Protocol):
    broken: tuple[type[Exception], ...]
    """Raised when a connection could not be opened, or has ended before the response."""

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout: float
    ) -> BaseHTTPResponse: ...

    def close(self) -> None: ...


class _Session:
    """The session of a credential provider."""

    def __init__(self, session: requests.Session) -> None:
        # Imported here: it takes as long as all else for a request, and only providers need it.
        from requests import ConnectionError as BrokenConnection

        self.broken: tuple[type[Exception], ...] = (BrokenConnection,)
        self._session = session

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout: float
    ) -> BaseHTTPResponse:
        response = self._session.post(
            url, data=body, headers=headers, timeout=timeout, allow_redirects=False, stream=True
        )
        raw: BaseHTTPResponse = response.raw
        return raw

    def close(self) -> None:
        self._session.close()


class _Pool:
    """One connection, to the endpoint or to a proxy."""

    broken: tuple[type[Exception], ...] = (ProtocolError, NewConnectionError)

    def __init__(
        self,
        endpoint: str,
        sockets: _Sockets,
        certificate: str | None,
        client_certificate: str | None,
        client_key: str | None,
    ) -> None:
        trusted = certificate or certifi.where()
        options: dict[str, Any] = {
            "retries": False,
            "cert_reqs": "CERT_REQUIRED",
            "ca_cert_dir" if Path(trusted).is_dir() else "ca_certs": trusted,
            "cert_file": client_certificate,
            "key_file": client_key,
        }
        proxies = _proxy_manager(endpoint, options)
        self._manager = proxies or PoolManager(**options)
        self._manager.pool_classes_by_scheme = _pools(sockets)
        self._is_proxied = proxies is not None
        # With the path. Looked up once: the manager takes a quarter of a request's time for it.
        self._only: tuple[HTTPConnectionPool, str] | None = None

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout: float
    ) -> BaseHTTPResponse:
        if self._is_proxied:
            return self._manager.request(
                "POST",
                url,
                body=body,
                headers=headers,
                timeout=timeout,
                redirect=False,
                preload_content=False,
            )
        only = self._only
        if only is None:
            # Raises, for an address that has no host.
            only = self._manager.connection_from_url(url), parse_url(url).request_uri
            self._only = only
        pool, path = only
        return pool.urlopen(
            "POST",
            path,
            body=body,
            headers=headers,
            retries=False,
            timeout=timeout,
            redirect=False,
            preload_content=False,
        )

    def close(self) -> None:
        self._manager.clear()
        # A request may follow: the SDK's exporters can be used after their end.
        only, self._only = self._only, None
        if only is not None:
            only[0].close()


def proxy_for(url: str) -> str | None:
    """Return the address of the proxy that the environment names for an address, or None.

    Raises:
        ValueError: If the proxy's address is none, without its text.
    """
    if not getproxies():
        return None
    # Unlike the standard library, it knows networks in NO_PROXY.
    from requests.utils import get_environ_proxies, prepend_scheme_if_needed, select_proxy

    proxy = select_proxy(url, get_environ_proxies(url))
    try:
        return None if proxy is None else prepend_scheme_if_needed(proxy, "http")
    except ValueError:
        # The text of urllib3's exception has the address, which may have a password.
        raise ValueError(_NO_PROXY) from None


def import_ahead(url: str) -> None:
    """Import what `HTTPClient` imports for an address, before another thread makes the client."""
    if proxy_for(url) is not None:
        import requests.adapters  # noqa: F401


def _proxy_manager(url: str, options: Mapping[str, Any]) -> PoolManager | None:
    proxy = proxy_for(url)
    if proxy is None:
        return None
    # Unlike urllib3 by itself, it knows proxies of all kinds.
    from requests import RequestException
    from requests.adapters import HTTPAdapter

    try:
        manager: PoolManager = HTTPAdapter().proxy_manager_for(proxy, **options)
    except (RequestException, ValueError):
        raise ValueError(_NO_PROXY) from None
    return manager


class _Sockets:
    """The sockets of a session, which another thread can shut down."""

    def __init__(self) -> None:
        # Weak: closed ones disappear, and one whose connection is closed is still being read.
        self._known: WeakSet[socket.socket] = WeakSet()
        self._lock = Lock()

    def add(self, opened: socket.socket) -> None:
        with self._lock:
            self._known.add(opened)

    def shut_down(self) -> None:
        with self._lock:
            known = [*self._known]
        for each in known:
            # Raised if it is closed already.
            with suppress(OSError):
                each.shutdown(SHUT_RDWR)

    def shut_down_after(self, seconds: float) -> _Watch:
        return _Watch(self, seconds)


class _Watch:
    """Shuts sockets down when the time for a request is over."""

    def __init__(self, sockets: _Sockets, seconds: float) -> None:
        self.fired = False
        self._sockets = sockets
        self._timer = Timer(seconds, self._fire)
        self._timer.daemon = True
        self._timer.name = "telemetry-timeout"

    def _fire(self) -> None:
        self.fired = True
        self._sockets.shut_down()

    def __enter__(self) -> Self:
        # Raised where the interpreter ends, or the system has no thread to give. The timeout of
        # each read still holds then.
        with suppress(RuntimeError):
            self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def _pools(sockets: _Sockets) -> dict[str, type[HTTPConnectionPool]]:
    class Connection(HTTPConnection):
        @property
        def sock(self) -> Any:
            return self.__dict__.get("sock")

        @sock.setter
        def sock(self, opened: Any) -> None:
            self.__dict__["sock"] = opened
            if opened is not None:
                sockets.add(opened)

    class TLSConnection(Connection, HTTPSConnection):
        pass

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    class TLSPool(HTTPSConnectionPool):
        ConnectionCls = TLSConnection

    return {"http": Pool, "https": TLSPool}
