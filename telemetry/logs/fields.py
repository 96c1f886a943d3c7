"""The trace, site and route of a request on log lines that the host formats itself."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from telemetry.logs.context import FIELDS, LogContext, Missing, context_of, current_context

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping


class RequestFields(logging.Filter):
    """Sets ``trace_id``, ``span_id``, ``trace_flags``, ``corkboard.site`` and ``http.route``.

    A filter for `logging.config.dictConfig`, on the host's handlers. Where a ``QueueHandler`` is
    before them, on that one: its listener writes on a thread that has no request. Formatters
    that write all attributes of a record, such as python-json-logger's, then write them. It
    passes every record.

    Args:
        missing: the text of a field that is not known, for a format such as ``%(trace_id)s``,
            which needs all of them. None leaves such fields out.

    Example:
        >>> import logging.config
        >>> logging.config.dictConfig(
        ...     {
        ...         "version": 1,
        ...         "filters": {
        ...             "request": {"()": "telemetry.logs.fields.RequestFields", "missing": "-"},
        ...         },
        ...         "formatters": {"line": {"format": "%(trace_id)s %(message)s"}},
        ...         "handlers": {
        ...             "console": {
        ...                 "class": "logging.StreamHandler",
        ...                 "stream": "ext://sys.stdout",
        ...                 "filters": ["request"],
        ...                 "formatter": "line",
        ...             },
        ...         },
        ...         "root": {"handlers": ["console"]},
        ...     }
        ... )
        >>> logging.warning("outside of a request")
        - outside of a request
    """

    def __init__(self, missing: str | None = None) -> None:
        super().__init__()
        self._missing = None if missing is None else Missing(missing)

    def filter(self, record: logging.LogRecord) -> bool:
        known = _known(context_of(record))
        for name in FIELDS:
            value = known.get(name, self._missing)
            if value is not None:
                setattr(record, name, value)
        return True


def add_request_fields(
    _logger: Any, _method: str, event_dict: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A processor for structlog and django-structlog: sets the fields of `RequestFields`.

    A field that the event has already is kept.

    Example:
        >>> import structlog
        >>> from telemetry.logs.fields import add_request_fields
        >>> structlog.configure(
        ...     processors=[add_request_fields, structlog.processors.JSONRenderer()]
        ... )
        >>> structlog.get_logger().info("outside of a request")
        {"event": "outside of a request"}
    """
    # Records of the standard library, in structlog's ProcessorFormatter.
    record = event_dict.get("_record")
    context = context_of(record) if isinstance(record, logging.LogRecord) else current_context()
    for name, value in _known(context).items():
        event_dict.setdefault(name, value)
    return event_dict


def _known(context: LogContext) -> Mapping[str, str]:
    return {str(name): value for name, value in zip(FIELDS, context, strict=True) if value}
