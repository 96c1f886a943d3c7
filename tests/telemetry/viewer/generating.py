"""OTLP of any content: messages made from `opentelemetry-proto`'s descriptors, and odd JSON."""

from __future__ import annotations

import base64
import copy
import time
from typing import TYPE_CHECKING, Any

from google.protobuf import json_format

from telemetry.export.decoding import IDS, MESSAGES

if TYPE_CHECKING:
    from random import Random

    from google.protobuf.descriptor import FieldDescriptor

# Names that pages, columns and the plugin read.
KEYS = (
    *("http.request.method", "http.response.status_code", "http.route", "url.path", "url.scheme"),
    *("server.address", "server.port", "service.name", "service.instance.id"),
    *("db.namespace", "db.operation.name", "db.query.text", "datasette.callback"),
    *("exception.type", "exception.message", "exception.stacktrace", "logfire.msg"),
    *("corkboard.site", "corkboard.error.url", "corkboard.queries.count"),
    *("corkboard.queries.execution_time", "corkboard.queries.statements"),
    *("corkboard.queries.statements.count", "corkboard.queries.statements.execution_time"),
    *("corkboard.queries.statements.max_execution_time", "corkboard.queries.repeated"),
    *("corkboard.queries.repeated.count", "corkboard.queries.databases"),
    *("corkboard.queries.databases.count", "corkboard.queries.databases.execution_time"),
    *("", "quote'\"$.", "\x00", "<b>", "k" * 300),
)
TEXTS = (
    *("", "a", "GET", "200", "OK", "-1", "1e400", "NaN", "é\u202e\x1b[31m", "\x00", "\ufffd"),
    *("<script>alert(1)</script>", "javascript:alert(1)", "select 1", "select\n    *\n  from t"),
    *("exception", "Traceback\n  File", "x" * 2_000, "[]", "{}", "null", "%s{}", "../..", "'\"`"),
)
LARGE = "n" * 1_000_000
INTEGERS = (0, 1, -1, 2, 99, 200, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63), 2**64 - 1, 2**32 - 1)
DOUBLES = (0.0, -0.0, 1.5, -1.0, 1e308, -1e308, 5e-324, float("nan"), float("inf"), -float("inf"))
JSON_VALUES: tuple[Any, ...] = (
    *(None, True, "", "text", "\ud800", "99999999999999999999", 0, -1, 1.5, 2**70, -(2**70)),
    *(float("nan"), [], [None], [[]], {}, {"stringValue": 7}, {"key": None}),
)
_LIMITS = {
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}


class Generator:
    """Makes messages. The same seed makes the same, but for the time of day."""

    def __init__(self, random: Random) -> None:
        self._random = random
        # Few, so that spans of several requests are in one trace, and ids in several traces.
        self._ids = {size: [random.randbytes(size) for _ in range(6)] for size in (8, 16)}

    def request(self, signal: str) -> Any:
        """Make a request of a signal."""
        message = MESSAGES[signal]()
        self._fill(message, 0)
        return message

    def json(self, message: Any, changes: int) -> Any:
        """Make OTLP's JSON of a message, with some of its values replaced by others."""
        given = _with_hexadecimal(json_format.MessageToDict(message))
        for _ in range(changes):
            places = list(_places(given))
            if not places:
                break
            holder, key = self._random.choice(places)
            holder[key] = copy.deepcopy(self._random.choice(JSON_VALUES))
        return given

    def _fill(self, message: Any, depth: int) -> None:
        for field in message.DESCRIPTOR.fields:
            # One of a oneof, or none: the last that is set counts.
            share = 0.9 if depth < 3 else 0.6
            if self._random.random() > (share if field.containing_oneof is None else 0.4):
                continue
            if field.message_type is None:
                self._set(message, field)
            elif depth > 9:
                continue
            elif field.is_repeated:
                for _ in range(self._many(field, depth)):
                    self._fill(getattr(message, field.name).add(), depth + 1)
            else:
                inner = getattr(message, field.name)
                inner.SetInParent()
                self._fill(inner, depth + 1)

    def _many(self, field: FieldDescriptor, depth: int) -> int:
        if depth < 3:
            return self._random.choice((1, 2, 6))
        most = 8 if field.name == "attributes" else 2
        return self._random.randint(0, most)

    def _set(self, message: Any, field: FieldDescriptor) -> None:
        values = [self._value(message, field) for _ in range(self._random.randint(0, 4))]
        if field.is_repeated:
            getattr(message, field.name).extend(values)
        elif values:
            setattr(message, field.name, values[0])

    def _value(self, message: Any, field: FieldDescriptor) -> Any:
        choose = self._random.choice
        if field.type == field.TYPE_STRING:
            if field.name == "key":
                return choose(KEYS)
            return LARGE if self._random.random() < 0.0005 else choose(TEXTS)
        if field.type == field.TYPE_BYTES:
            return self._bytes(field)
        if field.type == field.TYPE_BOOL:
            return choose((True, False))
        if field.type == field.TYPE_DOUBLE:
            return choose(DOUBLES)
        if field.type == field.TYPE_ENUM:
            return choose((0, 1, 2, 3, 99, -1))
        if "time_unix_nano" in field.name and self._random.random() < 0.7:
            return time.time_ns() - self._random.randint(0, 10**9)
        name = {
            field.TYPE_INT32: "int32",
            field.TYPE_SINT32: "int32",
            field.TYPE_UINT32: "uint32",
            field.TYPE_FIXED32: "uint32",
            field.TYPE_INT64: "int64",
            field.TYPE_SFIXED64: "int64",
        }.get(field.type, "uint64")
        low, high = _LIMITS[name]
        return choose([value for value in INTEGERS if low <= value <= high])

    def _bytes(self, field: FieldDescriptor) -> bytes:
        if field.name in IDS and self._random.random() < 0.9:
            return self._random.choice(self._ids[16 if "trace" in field.name else 8])
        return self._random.choice((b"", b"\x00" * 8, b"abc", b"\xff" * 16, b"\x80" * 33))


def _with_hexadecimal(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_hexadecimal(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64decode(each).hex()
        if key in IDS and isinstance(each, str)
        else _with_hexadecimal(each)
        for key, each in value.items()
    }


def _places(value: Any) -> Any:
    for key, each in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(each, dict | list):
            yield from _places(each)
