"""The wire format of Protocol Buffers.

https://protobuf.dev/programming-guides/encoding/ defines it. The messages are those of
opentelemetry-proto, with the field numbers of its ``.proto`` files.
"""

from __future__ import annotations

import struct

MAX_UINT32 = 2**32 - 1
MAX_UINT64 = 2**64 - 1
MIN_INT64, MAX_INT64 = -(2**63), 2**63 - 1

pack_fixed32 = struct.Struct("<I").pack
pack_fixed64 = struct.Struct("<Q").pack
pack_sfixed64 = struct.Struct("<q").pack
pack_double = struct.Struct("<d").pack

_two_bytes = struct.Struct("<H").pack
_ONE_BYTE = tuple(bytes((number,)) for number in range(128))


def varint(number: int) -> bytes:
    """Encode an integer from 0 to 2**64 - 1 in a variable number of bytes."""
    if number < 128:
        return _ONE_BYTE[number]
    if number < 1 << 14:
        return _two_bytes(number & 127 | 128 | number << 1 & 0x7F00)
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def int64(number: int) -> bytes:
    """Encode an integer of the type ``int64``: a negative one takes ten bytes."""
    return varint(number if number >= 0 else number + 2**64)


def sint32(number: int) -> bytes:
    """Encode an integer of the type ``sint32``, in "ZigZag" form."""
    return varint(number * 2 if number >= 0 else -number * 2 - 1)


def delimited(prefix: bytes, content: bytes) -> bytes:
    """Return a field of text, bytes or a message: tag, length and content."""
    size = len(content)
    return prefix + (_ONE_BYTE[size] if size < 128 else varint(size)) + content


def utf8(text: str) -> bytes:
    """Encode text. Lone surrogates, which UTF-8 does not have, are escaped as in Python."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="backslashreplace")


def unsigned32(number: int) -> int:
    """Return the nearest integer of the type ``uint32``."""
    return min(max(number, 0), MAX_UINT32)


def unsigned64(number: int | None) -> int:
    """Return the nearest integer of the type ``fixed64``; 0 for None, which is "unknown"."""
    return min(max(number or 0, 0), MAX_UINT64)
