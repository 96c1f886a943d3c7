"""Origin of each setting: the variables that gave it its value."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from telemetry.exceptions import HIDDEN
from telemetry.export.destination import without_credentials
from telemetry.export.http import proxy_for
from telemetry.settings import passed_on
from telemetry.settings import variables as v
from telemetry.settings.effects import idle
from telemetry.settings.proxies import grpc_proxy
from telemetry.settings.read import read_all
from telemetry.settings.reader import Reader
from telemetry.settings.variable import declared

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIXES = ("OTEL_", "LOGFIRE_", "SENTRY_", "TELEMETRY_")


def sources(environ: Mapping[str, str], service_name: str | None) -> dict[str, tuple[str, ...]]:
    """Return variables by field of `Settings`. A field with its default value has none.

    If two variables have the same value, the one that takes precedence is returned. Those that
    have no effect are left out.

    Raises:
        ConfigurationError: As `read_settings` does.
    """
    reader = Reader(environ)
    without_effect = idle(reader, read_all(reader, service_name))
    found = {name: {*names} - without_effect.keys() for name, names in reader.origins.items()}
    return {name: tuple(sorted(names)) for name, names in found.items() if names}


def unused(environ: Mapping[str, str], found: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return variables with our names or prefixes that have no effect.

    They have the default value, are read by the SDK, or need something else that is not set. Those
    that other programs read too are left out: they may be set for these alone.
    """
    used = {name for names in found.values() for name in names}
    known = {str(each) for each in declared(v, passed_on) if not each.shared}
    return sorted(
        name
        for name, value in environ.items()
        if value.strip() and name not in used and (name in known or name.startswith(_PREFIXES))
    )


def route(url: str, grpc: bool, environ: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """Say how an address is reached, and return the variables that decide it.

    The text is empty where no proxy is named.

    Args:
        url: Address of a destination.
        grpc: Whether it is reached over gRPC, whose rules for proxies differ.
        environ: ``os.environ``, which the clients read.
    """
    if grpc:
        named, excepting = grpc_proxy(environ, url)
        if named is not None:
            return _through(environ[named]), (str(named),)
        return ("without a proxy", (str(excepting),)) if excepting is not None else ("", ())
    # By urllib's and requests' rules, in the order of their precedence.
    names = _set(environ, f"{urlsplit(url).scheme}_proxy", "all_proxy")
    if not names:
        return "", ()
    proxy = proxy_for(url)
    if proxy is None:
        exempting = _set(environ, passed_on.NO_PROXY.lower())[:1]
        return ("without a proxy" if exempting else ""), exempting
    return _through(proxy), names[:1]


def _through(proxy: str) -> str:
    shown = without_credentials(proxy) if urlsplit(proxy).hostname else HIDDEN
    return f"through the proxy {shown}"


def _set(environ: Mapping[str, str], *names: str) -> tuple[str, ...]:
    both = [each for name in names for each in (name, name.upper())]
    return tuple(name for name in both if environ.get(name, "").strip())
