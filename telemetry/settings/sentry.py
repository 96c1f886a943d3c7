"""Where errors go, and the two addresses that link them with their traces."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from telemetry.settings import parse
from telemetry.settings import variables as v
from telemetry.settings.model import SentrySettings

if TYPE_CHECKING:
    from telemetry.settings.reader import Reader

TRACE_ID = "{trace_id}"
EVENT_ID = "{event_id}"

_DSN = "a DSN such as https://KEY@bugsink.example.org/1"


def read_sentry(reader: Reader) -> SentrySettings | None:
    """Where errors go, or None."""
    given_url = reader.parsed(_event_url, None, v.EVENT_URL)
    dsn = reader.text(v.SENTRY_DSN)
    parts = reader.parsed(_dsn, None, v.SENTRY_DSN)
    if dsn is None or parts is None:
        return None
    return SentrySettings(dsn, given_url or _search(parts))


def read_trace_url(reader: Reader) -> str | None:
    """The address of a trace's page, with ``{trace_id}`` in it, or None."""
    return reader.parsed(_trace_url, None, v.TRACE_URL)


def _dsn(value: str) -> SplitResult:
    # Sentry's own parser would import the vendor, and its errors quote the value.
    try:
        parts = urlsplit(parse.url(value))
    except ValueError:
        raise ValueError(_DSN) from None
    project = parts.path.rpartition("/")[2]
    if not parts.username:
        raise ValueError(f"{_DSN}; it has no key before an @")
    if not (project.isascii() and project.isdigit()):
        raise ValueError(f"{_DSN}; it ends in no project's number")
    return parts


def _search(dsn: SplitResult) -> str | None:
    """Bugsink's search for a trace. Sentry's own service has other addresses than its DSN's."""
    if f".{dsn.hostname}".endswith(".sentry.io"):
        return None
    folder, _, project = dsn.path.rpartition("/")
    host = dsn.netloc.rpartition("@")[2]
    return f"{dsn.scheme}://{host}{folder}/issues/{project}/?q=trace:{TRACE_ID}"


def _trace_url(value: str) -> str:
    return _template(value, (TRACE_ID,))


def _event_url(value: str) -> str:
    return _template(value, (TRACE_ID, EVENT_ID))


def _template(value: str, placeholders: tuple[str, ...]) -> str:
    names = " or ".join(placeholders)
    filled = value
    for placeholder in placeholders:
        filled = filled.replace(placeholder, "0")
    if filled == value or "{" in filled or "}" in filled:
        raise ValueError(f"an address with {names} in it, and no other braces")
    parse.url(filled)
    return value
