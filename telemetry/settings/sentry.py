"""Destination of error events, and the address that links them with their traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.settings import parse
from telemetry.settings import variables as v
from telemetry.settings.certificates import check_client_certificate
from telemetry.settings.model import SentrySettings, read_fields
from telemetry.settings.parse import TRACE_ID

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from telemetry.settings.reader import Reader


def read_sentry(reader: Reader) -> SentrySettings | None:
    """Return the destination of error events, or None."""
    if reader.given(v.SENTRY_DSN) is None:
        return None
    with reader.setting("sentry"):
        event_url = reader.get(v.EVENT_URL)
        parts = reader.get(v.SENTRY_DSN)
        dsn = reader.text(v.SENTRY_DSN)
    if dsn is None or parts is None:
        return None
    if parts.scheme == "https":
        _check_certificates(reader)
    # As Sentry's SDK reads them.
    with reader.setting("sentry_certificates"):
        certificate = reader.text(v.SSL_CERT_FILE, v.REQUESTS_CA_BUNDLE)
        of_client = read_fields(reader, SentrySettings)
    return SentrySettings(dsn, event_url or event_page(parts), certificate, **of_client)


def _check_certificates(reader: Reader) -> None:
    """Judge the files that are read with the first event. Without one, they are for others."""
    with reader.aside():
        for variable in (v.SSL_CERT_FILE, v.REQUESTS_CA_BUNDLE):
            if reader.given(variable):
                reader.get(variable, parse=parse.trusted)
                break
        check_client_certificate(reader, v.CLIENT_CERT_FILE, v.CLIENT_KEY_FILE)


def event_page(dsn: SplitResult) -> str | None:
    """Return the address of Bugsink's search for a trace.

    None for Sentry's service, whose pages have other addresses than its DSN.
    """
    if f".{dsn.hostname}".endswith(".sentry.io"):
        return None
    folder, _, project = dsn.path.rpartition("/")
    host = dsn.netloc.rpartition("@")[2]
    return f"{dsn.scheme}://{host}{folder}/issues/{project}/?q=trace:{TRACE_ID}"
