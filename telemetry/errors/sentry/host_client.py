"""What the settings of a client that the host initialised mean for telemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from telemetry.settings.sentry import event_page

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sentry_sdk.client import BaseClient

# Categories of the option `data_collection`, and the value that turns each off. Source: the
# option's resolved form in sentry-sdk 2.75, `sentry_sdk.data_collection`.
_CATEGORIES = (
    "user_info",
    "cookies",
    "http_headers",
    "http_bodies",
    "url_query_params",
    "database_query_data",
    "queues",
    "stack_frame_variables",
)


def sends(client: BaseClient) -> bool:
    """Whether the client sends events anywhere. Without a DSN, an active client does not."""
    return client.is_active() and (client.transport is not None or client.spotlight is not None)


def event_url_of(client: BaseClient) -> str | None:
    """URL template of the page that shows the client's events of a trace, or None."""
    return event_page(urlsplit(client.dsn)) if client.dsn else None


def personal_data(options: Mapping[str, Any]) -> list[str]:
    """The options of a client that make it send personal data, as Sentry spells them.

    Args:
        options: the client's options, with defaults filled in.
    """
    return list(_personal_data(options))


def _personal_data(options: Mapping[str, Any]) -> Iterator[str]:
    collected = options.get("data_collection") or {}
    bodies = options.get("max_request_body_size") != "never"
    if collected.get("provided_by_user"):
        on = [name for name in _CATEGORIES if _is_collected(collected.get(name))]
        if not bodies and "http_bodies" in on:
            on.remove("http_bodies")
        if on:
            yield f"data_collection ({', '.join(on)})"
    else:
        if options.get("send_default_pii"):
            yield "send_default_pii=True (users, client addresses, cookies, all headers)"
        if options.get("include_local_variables") is not False:
            yield f"include_local_variables={options.get('include_local_variables')!r}"
    if bodies:
        yield f"max_request_body_size={options.get('max_request_body_size')!r}"
    if options.get("max_breadcrumbs"):
        yield (
            f"max_breadcrumbs={options['max_breadcrumbs']!r} "
            "(log records, SQL and URLs that precede an event)"
        )
    if options.get("enable_logs"):
        yield "enable_logs=True"


def _is_collected(value: Any) -> bool:
    if not isinstance(value, dict):
        return bool(value)
    if "mode" in value:
        return bool(value["mode"] != "off")
    return any(_is_collected(part) for part in value.values())
