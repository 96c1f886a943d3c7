"""Decodes an OTLP request item by item: one that can't be decoded costs only itself.

The request is cut into spans, log records and metrics on the wire, before anything is parsed, so
that the number of items is limited before they take memory. `decoding` has what is common to both.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from telemetry.export.decoding import (
    IDS,
    JSON,
    LISTS,
    MESSAGES,
    NOT_CONVERTED,
    PROTOBUF,
    Item,
    RefusedError,
    mapping,
    unpacked,
    with_ids_as_base64,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from google.protobuf.descriptor import FieldDescriptor

MAX_ITEMS = 20_000
"""Limit of the items of one request that are decoded. Exporters send 512 at once by default,
collectors 8,192.
"""
MAX_COUNTED = 200_000
"""Limit of the items, resources and scopes of one request. A request with more is refused."""
MAX_VALUES = 200_000
"""Limit of the messages in one item, such as attributes and their values."""
MAX_JSON_VALUES = 1_000_000
"""Limit of the values in one JSON request, estimated by its commas and brackets."""
MAX_DEPTH = 100
"""Limit of the messages within each other in one item: protobuf's own."""
_SMALL = 64 * 1024
"""Items below this number of bytes can't hold too many messages, and are not counted."""
_SHOWN = 60
_MAX_DIGITS = 100
# A message takes up to two levels of JSON. What is left out above this is above that limit too, and
# so is noted.
_MAX_JSON_DEPTH = 3 * MAX_DEPTH
# Up to the next bracket that is not within a string.
_TO_BRACKET = re.compile(r'(?:[^"\[\]{}]++|"[^"\\]*+(?:\\.[^"\\]*+)*+"?)*+[\[\]{}]', re.DOTALL)


class Oddity(NamedTuple):
    """What is wrong with an item."""

    what: str
    """The field and what was wanted of it, without the value: a limited number of texts."""
    given: str = ""
    """The value, shortened."""


class Oddities(list[Oddity]):
    """What is wrong with one item: the first few."""

    limit = 20

    def append(self, oddity: Oddity) -> None:
        if len(self) < self.limit:
            super().append(oddity)


@dataclass(slots=True)
class Part:
    """An item, and what is wrong with it or with its resource and scope."""

    item: Item
    odd: Oddities


@dataclass(slots=True)
class Decoded:
    """What could be decoded of a request."""

    parts: list[Part] = field(default_factory=list)
    rejected: Counter[str] = field(default_factory=Counter)
    """Number of items that were left out, by reason."""


def shown(value: object) -> str:
    """Return a value as text for a message, shortened."""
    # An integer of thousands of digits would not be written, and a text of megabytes is not copied.
    if isinstance(value, str | bytes):
        value = value[: _SHOWN + 1]
    elif isinstance(value, int) and value.bit_length() > 200:
        return f"a number of {value.bit_length()} bits"
    elif isinstance(value, list | dict):
        return f"a list of {len(value)}" if isinstance(value, list) else "an object"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def decode_parts(signal: str, content_type: str, encoding: str, body: bytes) -> Decoded:
    """Decode as much of a request body as can be decoded.

    Raises:
        RefusedError: The body is not OTLP, or holds more than the limits. Names what was given and
            what is wanted.
    """
    content = unpacked(encoding, body)
    if content_type == PROTOBUF:
        groups: Iterable[_Group] = _from_protobuf(signal, content)
    elif content_type == JSON:
        groups = _from_json(signal, content)
    else:
        raise RefusedError(415, f"Content-Type is {content_type!r}: wanted {PROTOBUF} or {JSON}")
    return _decoded(signal, groups)


@dataclass(slots=True)
class _Group:
    """Items of one resource and scope, not yet parsed: bytes of the wire, or objects of JSON."""

    resource: Any
    scope: Any
    schema_url: str
    items: list[Any]
    odd: Oddities


def _decoded(signal: str, groups: Iterable[_Group]) -> Decoded:
    found = Decoded()
    request = MESSAGES[signal].DESCRIPTOR
    of_group = request.fields[0].message_type
    of_scope = of_group.fields_by_number[2].message_type
    make_resource, make_scope, make_item = (
        GetMessageClass(descriptor)
        for descriptor in (
            of_group.fields_by_number[1].message_type,
            of_scope.fields_by_number[1].message_type,
            of_scope.fields_by_number[2].message_type,
        )
    )
    last: Any = None
    resource: dict[str, object] = {}
    of_resource = Oddities()
    # All are cut before the first is parsed: a request above the limits is refused as a whole.
    for group in list(groups):
        room = MAX_ITEMS - len(found.parts)
        if len(group.items) > room:
            found.rejected[f"more than {MAX_ITEMS} items in one request"] += len(group.items) - room
        for oddity in () if group.items else group.odd:
            found.rejected[oddity.what] += 1
        if room <= 0 or not group.items:
            continue
        if last is not group.resource or last is None:
            last, of_resource = group.resource, Oddities()
            message = _parsed(make_resource(), last, of_resource)
            resource = mapping(message.attributes) if message else {}
        common = Oddities([*group.odd, *of_resource])
        scope = _parsed(make_scope(), group.scope, common) or make_scope()
        for given in group.items[:room]:
            odd = Oddities(common)
            refused = Oddities()
            item = _parsed(make_item(), given, odd, refused)
            if item is None:
                found.rejected[refused[0].what] += 1
            else:
                found.parts.append(Part(Item(resource, scope, group.schema_url, item), odd))
    return found


def _parsed(message: Any, given: Any, odd: Oddities, refused: Oddities | None = None) -> Any:
    """Fill a message from bytes or from JSON.

    Returns:
        The message, or None where nothing of it can be used; the reason is then in `refused`, or
        else in `odd`.
    """
    name = message.DESCRIPTOR.name
    refused = odd if refused is None else refused
    if given is None:
        return message
    if isinstance(given, memoryview):
        if len(given) > _SMALL and _too_many(message.DESCRIPTOR, given):
            refused.append(Oddity(f"{name}: more than {MAX_VALUES} values", f"{len(given)} bytes"))
            return None
        try:
            message.ParseFromString(given)
        except DecodeError:
            message.Clear()
            _merge(message, given, name, odd)
        return message
    if not isinstance(given, dict):
        refused.append(Oddity(f"{name}: wanted an object", shown(given)))
        return None
    try:
        # Unknown fields raise too: where they are ignored, so is text in place of an object.
        json_format.ParseDict(with_ids_as_base64(given), message)
    except NOT_CONVERTED:
        message.Clear()
        _merge_json(message, given, name, odd)
    return message


# Protobuf


class _Field(NamedTuple):
    number: int
    wire_type: int
    value: memoryview
    whole: memoryview
    """With its tag."""


_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_CUT = "cut short, or no protobuf"


def _fields(data: memoryview) -> Iterator[_Field]:
    """Yield the fields of a message.

    Raises:
        DecodeError: The data ends within a field, or has an unknown wire type.
    """
    position, end = 0, len(data)
    while position < end:
        start = position
        tag, position = _varint(data, position)
        number, wire_type = tag >> 3, tag & 7
        value_start = position
        if wire_type == _BYTES:
            length, position = _varint(data, position)
            value_start = position
            position += length
        elif wire_type == _VARINT:
            _, position = _varint(data, position)
        elif wire_type in (_FIXED64, _FIXED32):
            position += 8 if wire_type == _FIXED64 else 4
        else:
            raise DecodeError(_CUT)
        if position > end or not number:
            raise DecodeError(_CUT)
        yield _Field(number, wire_type, data[value_start:position], data[start:position])


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        if position >= len(data) or shift > 63:
            raise DecodeError(_CUT)
        byte = data[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, position
        shift += 7


def _from_protobuf(signal: str, content: bytes) -> Iterator[_Group]:
    counted = 0
    try:
        outer = list(_only(memoryview(content), 1))
    except DecodeError as error:
        raise RefusedError(400, f"not an OTLP request for {signal}: {error}") from error
    for group in outer:
        counted += 1
        resource: list[memoryview] = []
        scopes: list[memoryview] = []
        odd = Oddities()
        schema_url = b""
        try:
            for each in _fields(group):
                if each.wire_type != _BYTES:
                    continue
                if each.number == 1:
                    resource.append(each.value)
                elif each.number == 2:
                    scopes.append(each.value)
                elif each.number == 3:
                    schema_url = bytes(each.value)
                counted += 1
                _check_count(counted)
        except DecodeError as error:
            odd.append(Oddity(f"{LISTS[signal][0]}: {error}"))
        joined = _joined(resource)
        for scoped in scopes:
            cut = _scoped(scoped, joined, schema_url, Oddities(odd), counted)
            counted += len(cut.items)
            yield cut
        if not scopes:
            yield _Group(joined, None, "", [], odd)


def _scoped(
    data: memoryview, resource: memoryview, schema_url: bytes, odd: Oddities, counted: int
) -> _Group:
    scope: list[memoryview] = []
    items: list[memoryview] = []
    try:
        for each in _fields(data):
            if each.wire_type != _BYTES:
                continue
            if each.number == 1:
                scope.append(each.value)
            elif each.number == 2:
                items.append(each.value)
            elif each.number == 3:
                schema_url = bytes(each.value) or schema_url
            _check_count(counted + len(items) + len(scope))
    except DecodeError as error:
        odd.append(Oddity(f"scope: {error}"))
    return _Group(resource, _joined(scope), schema_url.decode("utf-8", "replace"), items, odd)


def _check_count(counted: int) -> None:
    if counted > MAX_COUNTED:
        raise RefusedError(413, f"more than {MAX_COUNTED} items in one request")


def _only(data: memoryview, number: int) -> Iterator[memoryview]:
    for counted, each in enumerate(_fields(data)):
        _check_count(counted)
        if each.number == number and each.wire_type == _BYTES:
            yield each.value


def _joined(pieces: list[memoryview]) -> memoryview:
    # A message field that occurs again is merged with the first: by protobuf's definition, that is
    # what parsing the concatenation gives.
    return pieces[0] if len(pieces) == 1 else memoryview(b"".join(pieces))


def _too_many(descriptor: Any, data: memoryview) -> bool:
    """Whether a message holds more than `MAX_VALUES` messages, at any depth."""
    counted = 0
    waiting = [(descriptor, data)]
    while waiting:
        kind, content = waiting.pop()
        try:
            for each in _fields(content):
                counted += 1
                if counted > MAX_VALUES:
                    return True
                inner = kind.fields_by_number.get(each.number)
                if each.wire_type == _BYTES and inner is not None and inner.message_type:
                    waiting.append((inner.message_type, each.value))
        except DecodeError:
            continue
    return False


def _merge(message: Any, data: memoryview, path: str, odd: Oddities, depth: int = 0) -> None:
    """Parse field by field, and leave out those that can't be."""
    if depth > MAX_DEPTH:
        odd.append(Oddity(f"{path}: nested too deep"))
        return
    known = message.DESCRIPTOR.fields_by_number
    try:
        for each in _fields(data):
            try:
                message.MergeFromString(each.whole)
                continue
            except DecodeError:
                pass
            kind = known.get(each.number)
            where = f"{path}.{kind.name}" if kind else f"{path}: an unknown field"
            if kind is None or each.wire_type != _BYTES:
                odd.append(Oddity(f"{where}: can't be decoded"))
            elif kind.message_type:
                inner = (
                    getattr(message, kind.name).add()
                    if _is_repeated(kind)
                    else getattr(message, kind.name)
                )
                if not _is_repeated(kind):
                    inner.SetInParent()
                _merge(inner, each.value, _path(where), odd, depth + 1)
            elif kind.type == kind.TYPE_STRING:
                odd.append(Oddity(f"{where}: not UTF-8", shown(bytes(each.value[:_SHOWN]))))
                text = bytes(each.value).decode("utf-8", "replace")
                if _is_repeated(kind):
                    getattr(message, kind.name).append(text)
                else:
                    setattr(message, kind.name, text)
            else:
                odd.append(Oddity(f"{where}: can't be decoded"))
    except DecodeError as error:
        odd.append(Oddity(f"{path}: {error}"))


# JSON


def _from_json(signal: str, content: bytes) -> Iterator[_Group]:
    if sum(content.count(each) for each in (b",", b"[", b"{")) > MAX_JSON_VALUES:
        raise RefusedError(413, f"more than {MAX_JSON_VALUES} values in one request of JSON")
    try:
        # With a replacement character, so that one that is no UTF-8 costs only its text.
        request = _loaded(content.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, f"not an OTLP request for {signal}: {error}") from error
    groups, scopes, listed = LISTS[signal]
    if not isinstance(request, dict):
        raise RefusedError(
            400, f"not an OTLP request for {signal}: {shown(request)}: wanted an object"
        )
    found = _list(request, groups)
    if isinstance(found, Oddity):
        raise RefusedError(
            400, f"not an OTLP request for {signal}: {found.what}, and not {found.given}"
        )
    counted = 0
    for group in found:
        counted += 1
        _check_count(counted)
        if not isinstance(group, dict):
            wrong = Oddity(f"{groups}: wanted objects", shown(group))
            yield _Group(None, None, "", [], Oddities([wrong]))
            continue
        odd = Oddities()
        cut = _listed(group, scopes, odd)
        for scoped in cut:
            of_scope = Oddities()
            if not isinstance(scoped, dict):
                of_scope.append(Oddity(f"{scopes}: wanted objects", shown(scoped)))
                scoped = {}
            items = _listed(scoped, listed, of_scope)
            counted += 1 + len(items)
            _check_count(counted)
            url = _of(scoped, "schema_url") or _of(group, "schema_url")
            yield _Group(
                _of(group, "resource"),
                _of(scoped, "scope"),
                url if isinstance(url, str) else "",
                items,
                of_scope,
            )
        if not cut:
            yield _Group(None, None, "", [], odd)


def _loaded(text: str) -> Any:
    try:
        return json.loads(text, parse_int=_integer)
    except RecursionError:
        return json.loads(_shallow(text), parse_int=_integer)


def _shallow(text: str) -> str:
    """Replace values that are nested deeper than `_MAX_JSON_DEPTH` by null."""
    kept = []
    depth = start = position = 0
    while found := _TO_BRACKET.match(text, position):
        position = found.end()
        opens = text[position - 1] in "[{"
        if opens and depth == _MAX_JSON_DEPTH:
            kept.append(f"{text[start : position - 1]}null")
        depth += 1 if opens else -1
        if not opens and depth == _MAX_JSON_DEPTH:
            start = position
        if depth <= 0:
            break
    return "".join(kept) + (text[start:] if depth <= _MAX_JSON_DEPTH else "")


def _integer(digits: str) -> int | str:
    # Python refuses to convert thousands of digits.
    return int(digits) if len(digits) <= _MAX_DIGITS else digits


def _of(given: dict[str, Any], name: str) -> Any:
    """The value of a field in either spelling."""
    value = given.get(_camel(name))
    return given.get(name) if value is None else value


@cache
def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.title() for other in others)


def _list(given: dict[str, Any], name: str) -> list[Any] | Oddity:
    value = _of(given, name)
    if value is None:
        return []
    return value if isinstance(value, list) else Oddity(f"{name}: wanted a list", shown(value))


def _listed(given: dict[str, Any], name: str, odd: Oddities) -> list[Any]:
    found = _list(given, name)
    if isinstance(found, Oddity):
        odd.append(found)
        return []
    return found


def _merge_json(message: Any, given: Any, path: str, odd: Oddities, depth: int = 0) -> None:
    """Convert field by field, and leave out those that can't be."""
    if not isinstance(given, dict):
        odd.append(Oddity(f"{path}: wanted an object", shown(given)))
        return
    if depth > MAX_DEPTH:
        odd.append(Oddity(f"{path}: nested too deep"))
        return
    for field_ in message.DESCRIPTOR.fields:
        value: Any = _of(given, field_.name)
        if value is None:
            continue
        where = _path(f"{path}.{field_.name}")
        if field_.message_type is None:
            _set(message, field_, value, where, odd)
        elif not _is_repeated(field_):
            inner = getattr(message, field_.name)
            inner.SetInParent()
            _merge_json(inner, value, where, odd, depth + 1)
        elif isinstance(value, list):
            for each in value:
                _merge_json(getattr(message, field_.name).add(), each, where, odd, depth + 1)
        else:
            odd.append(Oddity(f"{where}: wanted a list", shown(value)))


def _set(message: Any, field_: FieldDescriptor, value: Any, where: str, odd: Oddities) -> None:
    if field_.name in IDS:
        try:
            setattr(message, field_.name, bytes.fromhex(value))
        except (ValueError, TypeError):
            odd.append(Oddity(f"{where}: wanted hexadecimal", shown(value)))
        return
    try:
        json_format.ParseDict({field_.name: value}, message)
    except NOT_CONVERTED:
        odd.append(Oddity(f"{where}: wanted {_wanted(field_)}", shown(value)))
        if field_.type == field_.TYPE_STRING and not _is_repeated(field_):
            text = value if isinstance(value, str) else json.dumps(value)
            # A surrogate that has no partner is no text in UTF-8.
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            setattr(message, field_.name, text)


def _wanted(field_: FieldDescriptor) -> str:
    if field_.type == field_.TYPE_STRING:
        kind = "text"
    elif field_.type == field_.TYPE_BOOL:
        kind = "true or false"
    elif field_.type == field_.TYPE_BYTES:
        kind = "base64"
    elif field_.type == field_.TYPE_ENUM:
        kind = "a known value"
    elif field_.type in (field_.TYPE_FIXED64, field_.TYPE_UINT64, field_.TYPE_UINT32):
        kind = "a whole number of at least 0, of 64 bits"
    else:
        kind = "a number"
    return f"a list of which each is {kind}" if _is_repeated(field_) else kind


def _is_repeated(field_: FieldDescriptor) -> bool:
    return bool(field_.is_repeated)


def _path(path: str) -> str:
    # Limited, so that the number of different texts is.
    pieces = path.split(".")
    return path if len(pieces) <= 4 else ".".join([*pieces[:2], "…", pieces[-1]])
