"""Attributes and other values, redacted and encoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

from telemetry.export.encoding.wire import (
    MAX_INT64,
    MIN_INT64,
    delimited,
    int64,
    pack_double,
    utf8,
    varint,
)
from telemetry.export.lengths import shortened
from telemetry.failsafe import failed
from telemetry.redaction.redactor import MAX_DEPTH
from telemetry.registry.redaction import MAX_TEXT

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.redaction.redactor import Redactor

# AnyValue
_STRING, _BOOL, _INT, _DOUBLE = b"\x0a", b"\x10", b"\x18", b"\x21"
_ARRAY, _MAP, _BYTES = b"\x2a", b"\x32", b"\x3a"
_TRUE, _FALSE = _BOOL + b"\x01", _BOOL + b"\x00"
# ArrayValue, KeyValueList, KeyValue
_ITEM = b"\x0a"
_KEY, _VALUE = b"\x0a", b"\x12"

# Items of arrays, with their lengths: a double, and integers of one byte.
_DOUBLE_ITEM = _ITEM + b"\x09" + _DOUBLE
_SMALL_ITEMS = tuple(_ITEM + b"\x02" + _INT + bytes((number,)) for number in range(128))
_FLOAT, _INT_ONLY, _TEXT_ONLY = {float}, {int}, {str}

_CACHED = 16_384
"""Number of attributes, or of sets of them, in one generation of a cache."""
_CACHED_BYTES = 2 * 1024 * 1024
"""Of encoded attributes in one generation: two have at most 4 MiB."""
_LONGEST_CACHED = 8192
"""Bytes of an encoded attribute, such as the SQL of Datasette's permissions."""


class RecentlyUsed:
    """A cache of two generations: what is used again survives, however much is added.

    Reading takes no lock and changes nothing for what was used in this generation, unlike
    `functools.lru_cache`. Lost updates of two threads at once only cost an encoding.
    """

    __slots__ = ("_bytes", "_older", "_size", "new")

    def __init__(self, size: int = _CACHED) -> None:
        self._size = size
        self._bytes = 0
        self.new: dict[Any, bytes] = {}
        self._older: dict[Any, bytes] = {}

    def again(self, key: Any) -> bytes | None:
        """Return what the older generation has, and keep it for another one."""
        found = self._older.get(key)
        if found is not None:
            self.add(key, found)
        return found

    def made(self, key: Any, make: Callable[[], bytes]) -> bytes:
        """Return what the older generation has, or else what ``make`` returns, and keep it."""
        found = self.again(key)
        if found is None:
            found = make()
            self.add(key, found)
        return found

    def add(self, key: Any, encoded: bytes) -> None:
        """Cache bytes, unless they are long."""
        if len(encoded) <= _LONGEST_CACHED:
            if len(self.new) >= self._size or self._bytes >= _CACHED_BYTES:
                self._older, self.new, self._bytes = self.new, {}, 0
            self.new[key] = encoded
            self._bytes += len(encoded)


class ValueEncoder:
    """Encodes attributes. What repeats, such as routes and methods, is encoded once.

    Args:
        redactor: redacts each value before it is encoded; None for what was redacted when it was
            recorded.
        longest: characters to which a value is cut, once it is redacted.
        of_events: encodes attributes of events and links, whose limit may be another one.
    """

    def __init__(
        self,
        redactor: Redactor | None,
        longest: int | None = None,
        of_events: ValueEncoder | None = None,
    ) -> None:
        self._redactor = redactor
        self._longest = longest
        self.of_events = of_events or self
        self._generation = None if redactor is None else redactor.generation
        self._pairs = RecentlyUsed()
        self._texts = RecentlyUsed()
        self._keys: dict[str, bytes] = {}
        # What stands before the bytes of a double, by key; and before those of a list's items, by
        # key and their number of bytes. The names let numbers pass: they name no credential.
        self._doubles: dict[str, bytes] = {}
        self._lists: dict[tuple[str, int], bytes] = {}

    def _follow_rules(self) -> None:
        """Begin new caches if the host has added redaction rules.

        What another thread is encoding by the earlier rules is added to the caches that it began
        with, which are not used any more.
        """
        # Read first: rules may change again meanwhile, which is then noticed.
        generation = None if self._redactor is None else self._redactor.generation
        self._pairs, self._texts, self._keys = RecentlyUsed(), RecentlyUsed(), {}
        self._doubles, self._lists = {}, {}
        self._generation = generation

    def redacted(self, name: str, value: Any) -> Any:
        """Return the value of an attribute as it is exported."""
        shown = value if self._redactor is None else self._redactor.value(name, value)
        return shown if self._longest is None else shortened(shown, self._longest)

    def text(self, text: str, limit: int = MAX_TEXT) -> bytes:
        """Redact and encode a text that is no attribute, such as a span's name.

        Args:
            text: the text.
            limit: characters. It is cut after it is redacted: half a credential is no credential.
        """
        if len(text) > limit:
            shown = text[:limit] if self._redactor is None else self._redactor.cut(text, limit)
            return utf8(shown)
        if self._redactor is not None and self._redactor.generation is not self._generation:
            self._follow_rules()
        texts = self._texts
        found = texts.new.get(text)
        return texts.made(text, lambda: self._utf8(text)) if found is None else found

    def _utf8(self, text: str) -> bytes:
        return utf8(text if self._redactor is None else self._redactor.text(text))

    def once(self, key: Any, make: Callable[[], bytes]) -> bytes:
        """Return encoded values that repeat, made again when redaction rules were added.

        Args:
            key: identifies them. Keys that are equal stand for the same bytes.
            make: encodes them.
        """
        if self._redactor is not None and self._redactor.generation is not self._generation:
            self._follow_rules()
        # Read before anything is redacted: see `_follow_rules`.
        pairs = self._pairs
        found = pairs.new.get(key)
        return pairs.made(key, make) if found is None else found

    def attributes(self, prefix: bytes, attributes: Mapping[str, Any] | None) -> bytes:
        """Redact and encode attributes as a repeated field; empty if there are none.

        An attribute that can't be encoded is left out.

        Args:
            prefix: the tag of the field.
            attributes: names and values of any type.
        """
        if not attributes:
            return b""
        if self._redactor is not None and self._redactor.generation is not self._generation:
            self._follow_rules()
        if attributes.__class__ is not dict:
            # The SDK's mappings take a lock for each key, and copy at once.
            copy = getattr(attributes, "copy", None)
            attributes = attributes if copy is None else copy()
        get = self._pairs.new.get
        # Most are texts that repeat.
        encoded = [
            get(pair) if pair[1].__class__ is str else self._other(pair)
            for pair in attributes.items()
        ]
        if None in encoded:
            texts = zip(attributes.items(), encoded, strict=True)
            found = [self._text(pair) if each is None else each for pair, each in texts]
            # Those that can't be encoded are left out.
            encoded = [each for each in found if each]
        return prefix + prefix.join(encoded) if encoded else b""  # type: ignore[arg-type] # no None

    def _text(self, pair: tuple[str, Any]) -> bytes:
        """Encode an attribute that is a text; empty if it can't be encoded."""
        if pair[1].__class__ is not str:
            # It could not be encoded.
            return b""
        return self._cached(pair, pair) or b""

    def _other(self, pair: tuple[str, Any]) -> bytes | None:
        """Encode an attribute that is no text; None if it can't be encoded."""
        kind = pair[1].__class__
        if kind is int or kind is bool:
            # With the exact type: 1 and True are equal.
            cache_key = kind, pair
            return self._pairs.new.get(cache_key) or self._cached(pair, cache_key)
        if kind is float:
            # Seldom seen again.
            found = self._doubles.get(pair[0])
            if found is not None:
                return found + pack_double(pair[1])
        return self._attribute(*pair)

    def _cached(self, pair: tuple[str, Any], cache_key: Any) -> bytes | None:
        pairs = self._pairs
        found = pairs.again(cache_key)
        if found is None:
            found = self._attribute(*pair)
            if found is not None:
                pairs.add(cache_key, found)
        return found

    def _attribute(self, key: str, value: Any) -> bytes | None:
        try:
            kind = value.__class__
            # Read before anything is redacted: see `_follow_rules`.
            lists, doubles = self._lists, self._doubles
            if (kind is list or kind is tuple) and value:
                items = self._items(key, value)
                head = lists.get((key, len(items)))
                if head is None and self._lets_pass(key):
                    head = self._message(key, delimited(_ARRAY, items))[: -len(items)]
                    _add(lists, (key, len(items)), head)
                if head is not None:
                    return head + items
            if kind is float and self._lets_pass(key):
                head = self._message(key, _DOUBLE + pack_double(value))[: -len(pack_double(value))]
                _add(doubles, key, head)
                return head + pack_double(value)
            return self._message(key, self._any(self.redacted(key, value), MAX_DEPTH))
        except Exception as error:  # noqa: BLE001 # a value's own methods may raise anything
            failed("export.attribute", error)
            return None

    def _message(self, key: str, encoded: bytes) -> bytes:
        """Return an attribute with an encoded value, behind its length."""
        content = self._key(key) + delimited(_VALUE, encoded)
        return varint(len(content)) + content

    def _lets_pass(self, key: str) -> bool:
        """Whether the attribute's name lets numbers pass: it names no credential."""
        return bool(self.redacted(key, [0]) == [0])

    def _items(self, key: str, values: Sequence[Any]) -> bytes:
        """Redact and encode the items of a list, each by itself, as `Redactor.value` does.

        Of a list whose name lets numbers pass.
        """
        # Without a line for each.
        kinds = {*map(type, values)}
        if kinds == _FLOAT:
            return _DOUBLE_ITEM + _DOUBLE_ITEM.join(map(pack_double, values))
        if kinds == _INT_ONLY and min(values) >= 0 and max(values) < len(_SMALL_ITEMS):
            return b"".join(map(_SMALL_ITEMS.__getitem__, values))
        if self._redactor is not None and self._redactor.pairs_up(key, values):
            items = [self._shown_item(each) for each in self.redacted(key, values)]
            return b"".join(items)
        known = self._pairs.new
        if kinds == _TEXT_ONLY:
            items = [known.get((key, each, _ITEM)) or self._text_item(key, each) for each in values]
        else:
            items = [self._item(key, each) for each in values]
        return b"".join(items)

    def _text_item(self, key: str, text: str) -> bytes:
        return self._pairs.made(
            (key, text, _ITEM),
            lambda: self._shown_item(self.redacted(key, text)),
        )

    def _item(self, key: str, value: Any) -> bytes:
        kind = value.__class__
        if kind is float:
            return _DOUBLE_ITEM + pack_double(value)
        if kind is int and 0 <= value < len(_SMALL_ITEMS):
            small: bytes = _SMALL_ITEMS[value]
            return small
        return b"".join(map(self._shown_item, self.redacted(key, [value])))

    def _shown_item(self, value: Any) -> bytes:
        return delimited(_ITEM, self._any(value, MAX_DEPTH - 1))

    def _key(self, key: str) -> bytes:
        keys = self._keys
        found = keys.get(key)
        if found is None:
            shown = key if self._redactor is None else self._redactor.text(key)
            found = delimited(_KEY, utf8(shown))
            _add(keys, key, found)
        return found

    def value(self, value: Any) -> bytes:
        """Redact and encode a value that has no name, such as the body of a log record.

        Raises:
            Exception: whatever a value's own ``__str__`` or ``__iter__`` raises.
        """
        if self._redactor is not None:
            value = self._redactor.anything(value)
        return self._any(value, MAX_DEPTH)

    def _any(self, value: Any, depth: int) -> bytes:
        # As OpenTelemetry's specification maps values ("Mapping Arbitrary Data to OTLP AnyValue").
        if isinstance(value, str):
            return delimited(_STRING, utf8(value))
        if value is None:
            return b""
        if isinstance(value, bool):
            return _TRUE if value else _FALSE
        if isinstance(value, int):
            number = int(value)
            if MIN_INT64 <= number <= MAX_INT64:
                return _INT + int64(number)
            return delimited(_STRING, _shown(number).encode())
        if isinstance(value, float):
            return _DOUBLE + pack_double(value)
        if isinstance(value, bytes | bytearray | memoryview):
            return delimited(_BYTES, bytes(value))
        if depth > 0:
            if isinstance(value, Mapping):
                pairs = [
                    delimited(
                        _ITEM,
                        delimited(_KEY, utf8(str(key)))
                        + delimited(_VALUE, self._any(item, depth - 1)),
                    )
                    for key, item in value.items()
                ]
                return delimited(_MAP, b"".join(pairs))
            if isinstance(value, Sequence | Set):
                items = [delimited(_ITEM, self._any(item, depth - 1)) for item in value]
                return delimited(_ARRAY, b"".join(items))
        shown = str(value)
        # It was no text when the value was redacted.
        return delimited(_STRING, self._utf8(shown))


def _add(heads: dict[Any, bytes], key: Any, head: bytes) -> None:
    if len(heads) >= _CACHED:
        heads.clear()
    heads[key] = head


def _shown(number: int) -> str:
    # Python refuses to convert integers of thousands of digits, which takes quadratic time.
    bits = number.bit_length()
    return str(number) if bits <= 4096 else f"an integer of {bits} bits"
