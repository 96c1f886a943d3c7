"""Envelopes of Sentry's protocol as items of an outbox, and how they are sent.

Sentry's SDK and the HTTP client are imported when the client is made: the pipeline, which has the
outbox, is built before a server forks.

Source: https://develop.sentry.dev/sdk/data-model/envelopes/
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from telemetry.errors.sentry.shortening import shortened
from telemetry.export.answers import Result, Verdict, is_web_page, judge, seconds_until_retry
from telemetry.export.destination import Destination, without_credentials
from telemetry.export.endpoint import Endpoint
from telemetry.export.outbox import Outbox
from telemetry.export.statistics import ExportStatistics
from telemetry.failsafe import failed
from telemetry.settings.model import QueueSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from telemetry.export.answers import Answer
    from telemetry.export.encoding.requests import Item
    from telemetry.export.http import HTTPClient
    from telemetry.settings import Settings
    from telemetry.settings.model import SentrySettings

MAX_EVENTS = 100
"""Number of envelopes that wait, as in Sentry's SDK."""
MAX_EVENT = 1_000_000
"""Bytes of an event as JSON. Bugsink (``MAX_EVENT_SIZE``) and Sentry accept 1 MiB."""
MIN_EVENT = 4_000
"""Bytes. An event that is refused at this size is not made smaller."""
TIMEOUT = 30.0
"""Seconds for one request, as in Sentry's SDK."""
PAUSE = 60.0
"""Seconds after a status 429 without a time.

Source: https://develop.sentry.dev/sdk/expected-features/rate-limiting/
"""
# Categories of data in the header X-Sentry-Rate-Limits. An empty list of them means all.
_CATEGORIES = frozenset({"", "default", "error"})
_EVENT = "event"


class Part(NamedTuple):
    """An item of an envelope: its header, and its payload."""

    header: dict[str, Any]
    payload: bytes

    @property
    def is_event(self) -> bool:
        """Whether it is an error event."""
        return self.header.get("type") == _EVENT


def envelope_item(
    header: Mapping[str, Any],
    parts: Iterable[Part],
    limit: int = MAX_EVENT,
    *,
    is_failure: bool = True,
) -> Item:
    """Return the item of an outbox for one envelope.

    Args:
        header: the envelope's header.
        parts: its items.
        limit: bytes of an event. A larger one is shortened.
        is_failure: whether an event in it is among the last to be dropped from a full queue.
    """
    fitting = [_fitting(part, limit) for part in parts]
    kept = {key: header[key] for key in header if key != "sent_at"}
    return _item(kept, fitting, is_failure=is_failure)


def _fitting(part: Part, limit: int) -> Part:
    if not part.is_event or len(part.payload) <= limit:
        return part
    return Part(part.header, _shortened(part.payload, limit) or part.payload)


def _shortened(payload: bytes, limit: int, left_out: Sequence[str] = ()) -> bytes | None:
    try:
        return shortened(payload, limit, left_out)
    except Exception as error:  # noqa: BLE001 # a host's hooks may have given it any shape
        failed("errors.transport", error)
        return None


def _item(header: Mapping[str, Any], parts: Sequence[Part], *, is_failure: bool = True) -> Item:
    lines: list[bytes] = []
    for part in parts:
        lines += [_json({**part.header, "length": len(part.payload)}), part.payload]
    body = b"".join(line + b"\n" for line in lines)
    return (_json(header), b""), body, 1, is_failure and any(part.is_event for part in parts)


def encode_envelope(items: Sequence[Item]) -> bytes:
    """Return the request of one item, with the time at which it is sent."""
    [((header, _), body, _, _)] = items
    # The tracker corrects the event's time by this one, if the clocks differ.
    sent_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return _json({**json.loads(header), "sent_at": sent_at}) + b"\n" + body


def shorten(item: Item) -> Item | None:
    """Return an item of at most half its size, or None. Without other items than the event first.

    The limit of a tracker is not known: it says only that the request is too large.
    """
    (header, _), body, _, is_failure = item
    parts = _parts(body)
    event = next((part for part in parts if part.is_event), None)
    if event is None:
        return None
    others = [part.header.get("type") for part in parts if part is not event]
    # The context that says so makes the event itself larger.
    limit = len(event.payload) // 2 if not others else len(event.payload) + MIN_EVENT
    smaller = None
    if limit >= MIN_EVENT:
        smaller = _shortened(event.payload, limit, [f"{each}s" for each in others])
    if smaller is None:
        return None
    return _item(json.loads(header), [Part(event.header, smaller)], is_failure=is_failure)


def _parts(body: bytes) -> list[Part]:
    found: list[Part] = []
    start = 0
    while start < len(body):
        end = body.index(b"\n", start)
        header = json.loads(body[start:end])
        length = header.pop("length")
        found.append(Part(header, body[end + 1 : end + 1 + length]))
        start = end + length + 2
    return found


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def judge_envelope(answer: Answer) -> Verdict:
    """Return what an error tracker's answer means."""
    status = answer.status
    if status is None or not 200 <= status < 300:
        verdict = judge(answer)
        if status is not None and status >= 500:
            # Proxies have more of them than OTLP's specification lists.
            return replace(verdict, result=Result.RETRY)
        return verdict
    # Bugsink answers a check-in with an empty body.
    if not answer.body.strip() or _is_object(answer.body):
        return Verdict(Result.DELIVERED)
    page = "a web page" if is_web_page(answer) else "not an error tracker's"
    return Verdict(Result.REFUSED, str(status), f"the response is {page} ({status})")


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False


def pause(status: int, headers: Mapping[str, str]) -> float | None:
    """Return the seconds for which an error tracker wants no events, or None.

    Bugsink lists in each answer the categories that it does not take.
    """
    limits = headers.get("X-Sentry-Rate-Limits")
    wanted = [seconds for limit in (limits or "").split(",") if (seconds := _limit(limit))]
    if wanted:
        return max(wanted)
    after = seconds_until_retry(headers.get("Retry-After"))
    return PAUSE if after is None and status == 429 else after


def _limit(text: str) -> float:
    seconds, _, rest = text.strip().partition(":")
    categories = rest.partition(":")[0].split(";")
    return float(seconds) if seconds.isdecimal() and _CATEGORIES.intersection(categories) else 0.0


def envelope_url(dsn: str) -> str:
    """Return the address to which the envelopes of a DSN are sent."""
    parts = urlsplit(dsn)
    folder, _, project = parts.path.rpartition("/")
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{folder}/api/{project}/envelope/"


def make_client(sentry: SentrySettings) -> HTTPClient:
    """Return the client that sends envelopes, with the headers of Sentry's SDK."""
    from sentry_sdk.consts import VERSION
    from sentry_sdk.utils import Dsn

    from telemetry.export.http import HTTPClient

    auth = Dsn(sentry.dsn).to_auth(f"sentry.python/{VERSION}")
    return HTTPClient(
        envelope_url(sentry.dsn),
        {
            "Content-Type": "application/x-sentry-envelope",
            "User-Agent": str(auth.client),
            "X-Sentry-Auth": auth.to_header(),
            **dict.fromkeys(("Accept", "Accept-Encoding", "Connection")),
        },
        compression="gzip",
        certificate=sentry.certificate,
        client_certificate=sentry.client_certificate,
        client_key=sentry.client_key,
        pause=pause,
    )


def event_destination(settings: Settings) -> Destination[Any] | None:
    """Return the destination of the error events of telemetry's own client, or None."""
    if settings.sentry is None:
        return None
    dsn = settings.sentry.dsn
    address = without_credentials(dsn)
    limits = QueueSettings(
        schedule_delay=0.0,
        max_size=MAX_EVENTS,
        max_batch=1,
        max_bytes=settings.queue_bytes,
        variable=f"a fixed number of {MAX_EVENTS}",
    )
    endpoint = Endpoint(
        url=envelope_url(dsn),
        protocol="http",
        make_client=partial(make_client, settings.sentry),
        timeout=TIMEOUT,
        identity=dsn,
        judge=judge_envelope,
        shorten=shorten,
    )
    statistics = ExportStatistics()
    outbox = Outbox(
        f"error events to sentry ({address})", limits, statistics, encode=encode_envelope
    )
    return Destination(
        "errors", "sentry", address, None, endpoint=endpoint, outbox=outbox, statistics=statistics
    )
