"""The proxy of an export over gRPC.

gRPC reads other names than HTTP clients do, and reads them itself: what is found here decides
whether it does.

Source: gRPC Core, "Environment Variables".
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

from telemetry.settings import passed_on as p

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.settings.variable import Variable

# The first that is there decides, even if it is empty.
_PROXIES = (p.GRPC_PROXY, p.HTTPS_PROXY_LOWER, p.HTTP_PROXY_LOWER)
_EXCEPTIONS = (p.NO_GRPC_PROXY, p.NO_PROXY_LOWER)


def grpc_proxy(
    environ: Mapping[str, str], endpoint: str
) -> tuple[Variable[str | None] | None, Variable[str | None] | None]:
    """Return the variable of the proxy for an address, and that which excepts the address.

    At most one of them is not None.
    """
    named = next((each for each in _PROXIES if each in environ), None)
    if named is None or not environ[named].strip():
        return None, None
    excepting = next((each for each in _EXCEPTIONS if each in environ), None)
    if excepting is not None and _is_listed(endpoint, environ[excepting]):
        return None, excepting
    return named, None


def _is_listed(endpoint: str, listed: str) -> bool:
    parts = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}")
    if proxy_bypass_environment(parts.netloc, {"no": listed}):
        return True
    try:
        address = ip_address(parts.hostname or "")
    except ValueError:
        return False
    return any(_is_in(address, each.strip()) for each in listed.split(","))


def _is_in(address: object, network: str) -> bool:
    try:
        return address in ip_network(network, strict=False)
    except ValueError:
        return False
