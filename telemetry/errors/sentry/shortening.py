"""Shortens error events that are larger than the error tracker accepts.

What explains a failure least is left out first. The type of the exception, the begin of its
message, the innermost frames, ids, tags and the link to the trace stay.
"""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any

from telemetry.registry import events as e

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

JSON = dict[str, Any]

_OWN_CONTEXTS = ("trace", str(e.LINKS_CONTEXT), str(e.SHORTENED_CONTEXT))
_OWN_REQUEST = ("method", "url")
# What an event is identified, found and grouped by.
_OWN_KEYS = frozenset(
    {
        *("event_id", "timestamp", "level", "platform", "logger", "transaction"),
        *("transaction_info", "release", "environment", "server_name", "sdk", "tags"),
        *("fingerprint", "exception", "logentry", "message", "contexts", "request"),
    }
)
# Bytes for the context that says what was left out.
_ROOM = 400
# Frames next to the raise, whose small variables are kept for longer.
_NEAR = 5
_LONG_VALUE = 1_000
_LENGTHS = (16_000, 4_000, 1_000, 200)
_FRAMES = (1_000, 500, 200, 100, 50, 20, 10, 5)
_EXCEPTIONS = (50, 20, 10, 5, 2, 1)
_CUT = "…"


def shortened(payload: bytes, limit: int, left_out: Sequence[str] = ()) -> bytes | None:
    """Return an event of at most ``limit`` bytes, as JSON, which says what was left out.

    Args:
        payload: the event as JSON.
        limit: bytes.
        left_out: what was left out before.

    Returns:
        None if it can't be made so small.
    """
    event = json.loads(payload)
    if not isinstance(event, dict):
        return None
    parts = [*left_out]
    left = len(payload) + _ROOM
    cuts = ((name, freed) for name, cut in _STEPS for freed in cut(event))
    while left > limit:
        name, freed = next(cuts, ("", 0))
        if not name:
            return None
        left -= freed
        if freed > 0:
            parts.append(name)
    return _dump(_described(event, len(payload), parts))


def _described(event: JSON, size: int, parts: Sequence[str]) -> JSON:
    contexts = _mapping(event, "contexts")
    before = _mapping(contexts, str(e.SHORTENED_CONTEXT))
    known = before.get(str(e.SHORTENED_PARTS)) or []
    contexts[str(e.SHORTENED_CONTEXT)] = {
        str(e.SHORTENED_SIZE): before.get(str(e.SHORTENED_SIZE), size),
        str(e.SHORTENED_PARTS): list(dict.fromkeys([*known, *parts])),
    }
    event["contexts"] = contexts
    return event


# Each step changes the event, part by part, and yields how many bytes shorter it is each time.


def _breadcrumbs(event: JSON) -> Iterator[int]:
    found = event.get("breadcrumbs")
    values = found.get("values") if isinstance(found, dict) else found
    while isinstance(values, list) and values:
        # The oldest first.
        yield _size(values.pop(0))


def _variables(event: JSON) -> Iterator[int]:
    frames = _frames(event)
    for distance, frame in frames:
        if distance >= _NEAR:
            yield _without(frame, "vars")
    for distance, frame in frames:
        found = _mapping(frame, "vars")
        for name, value in found.items() if distance < _NEAR else ():
            text = _text(value)
            if len(text) > _LONG_VALUE:
                found[name] = text[: _LONG_VALUE // 5] + _CUT
                yield _size(value) - _size(found[name])
    for _, frame in frames:
        yield _without(frame, "vars")


def _source_lines(event: JSON) -> Iterator[int]:
    for _, frame in _frames(event):
        yield _without(frame, "pre_context") + _without(frame, "post_context")


def _extra(event: JSON) -> Iterator[int]:
    yield from _largest_first(_mapping(event, "extra"), ())


def _contexts(event: JSON) -> Iterator[int]:
    yield from _largest_first(_mapping(event, "contexts"), _OWN_CONTEXTS)


def _request(event: JSON) -> Iterator[int]:
    yield from _largest_first(_mapping(event, "request"), _OWN_REQUEST)


def _others(event: JSON) -> Iterator[int]:
    yield from _largest_first(event, _OWN_KEYS)
    yield _without(_mapping(event, "logentry"), "params")


def _texts(event: JSON) -> Iterator[int]:
    # The link to the trace is in the contexts.
    keys = [key for key in event if key not in ("event_id", "contexts", "fingerprint")]
    for length in _LENGTHS:
        for key in keys:
            yield _cut_texts(event, key, length)
    # Last, since events are grouped by it.
    if "fingerprint" in event:
        yield _cut_texts(event, "fingerprint", _LENGTHS[-1])


def _stack_frames(event: JSON) -> Iterator[int]:
    for most in _FRAMES:
        for trace in _stacktraces(event):
            frames = trace["frames"]
            if len(frames) > most:
                # The outermost ones say how the program got there.
                outer = most // 4
                inner = len(frames) - (most - outer)
                size = _size(frames)
                trace["frames"] = frames[:outer] + frames[inner:]
                # Sentry's protocol: the first frame that is left out, and the next one after them.
                known = trace.get("frames_omitted") or [0, 0]
                trace["frames_omitted"] = [outer, inner + known[1] - known[0]]
                yield size - _size(trace["frames"])


def _exceptions(event: JSON) -> Iterator[int]:
    found = event.get("exception")
    for most in _EXCEPTIONS:
        values = found.get("values") if isinstance(found, dict) else None
        if isinstance(found, dict) and isinstance(values, list) and len(values) > most:
            # The last one is that which was caught, the first one began it.
            causes = most // 2
            size = _size(values)
            found["values"] = values[:causes] + values[len(values) - (most - causes) :]
            yield size - _size(found["values"])


def _tags(event: JSON) -> Iterator[int]:
    yield from _largest_first(_mapping(event, "tags"), _OWN_TAGS)


_OWN_TAGS = (str(e.SITE), str(e.HTTP_ROUTE), str(e.TRACE_SAMPLED), str(e.CAUGHT_BY))
_STEPS: tuple[tuple[str, Callable[[JSON], Iterator[int]]], ...] = (
    ("breadcrumbs", _breadcrumbs),
    ("local variables", _variables),
    ("source lines", _source_lines),
    ("extra", _extra),
    ("contexts", _contexts),
    ("request", _request),
    ("other data", _others),
    ("long texts", _texts),
    ("stack frames", _stack_frames),
    ("chained exceptions", _exceptions),
    ("tags", _tags),
)


def _frames(event: JSON) -> list[tuple[int, JSON]]:
    """All frames, each with its distance from the raise, farthest first."""
    found = [
        (distance, frame)
        for trace in _stacktraces(event)
        for distance, frame in enumerate(reversed(trace["frames"]))
        if isinstance(frame, dict)
    ]
    # Of equal distance, those of the exception that was caught are last.
    found.sort(key=lambda each: -each[0])
    return found


def _stacktraces(event: JSON) -> list[JSON]:
    holders = chain(
        [event],
        *(_values(event.get(key)) for key in ("threads", "exception")),
    )
    traces = (_mapping(holder, "stacktrace") for holder in holders if isinstance(holder, dict))
    return [trace for trace in traces if isinstance(trace.get("frames"), list)]


def _values(found: Any) -> list[Any]:
    values = found.get("values") if isinstance(found, dict) else found
    return values if isinstance(values, list) else []


def _mapping(holder: JSON, key: str) -> JSON:
    found = holder.get(key)
    return found if isinstance(found, dict) else {}


def _without(holder: JSON, key: str) -> int:
    return _size(holder.pop(key)) if key in holder else 0


def _largest_first(holder: JSON, kept: Sequence[str] | frozenset[str]) -> Iterator[int]:
    sizes = {key: _size(value) for key, value in holder.items() if key not in kept}
    for key in sorted(sizes, key=sizes.__getitem__, reverse=True):
        del holder[key]
        yield sizes[key]


def _cut_texts(holder: Any, key: Any, length: int) -> int:
    """Cut all texts within a value of a dict or list; return the number of bytes."""
    value = holder[key]
    if isinstance(value, str):
        if len(value) <= length:
            return 0
        holder[key] = value[: length - 1] + _CUT
        return _size(value) - _size(holder[key])
    if isinstance(value, dict):
        return sum(_cut_texts(value, each, length) for each in value)
    if isinstance(value, list):
        return sum(_cut_texts(value, number, length) for number in range(len(value)))
    return 0


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _size(value: Any) -> int:
    return len(_dump(value))


def _dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
