"""The forms in which a text may hold one of the operator's secrets."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Final
from urllib.parse import quote_plus, unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MIN_SECRET: Final = 8
"""Characters. Shorter values are often words, and redacting them would make logs unreadable."""


def forms_of(secrets: Iterable[str]) -> tuple[str, ...]:
    """Return the secrets as they are, decoded, escaped and line by line; the longest first.

    One secret may be the beginning of another. Text that is percent-encoded is decoded before it is
    searched.
    """
    return _longest_first(form for secret in secrets for form in _forms(secret))


def encoded_forms_of(secrets: Iterable[str]) -> tuple[str, ...]:
    """Return the secrets within any text that is encoded in base64; the longest first."""
    return _longest_first(
        form for secret in secrets for plain in _plain(secret) for form in _in_base64(plain)
    )


def _plain(secret: str) -> Iterator[str]:
    yield secret
    yield from (each for each in (secret.strip(), unquote(secret)) if len(each) >= MIN_SECRET)
    # A key in the PEM format, for example in a traceback. Its first line is no secret.
    for line in secret.replace("\\n", "\n").splitlines():
        if len(line.strip()) >= MIN_SECRET and "-----" not in line:
            yield line.strip()


def _forms(secret: str) -> Iterator[str]:
    for plain in _plain(secret):
        yield from (
            plain,
            repr(plain)[1:-1],
            repr(plain.encode("utf-8", "surrogateescape"))[2:-1],
            json.dumps(plain)[1:-1],
            json.dumps(plain, ensure_ascii=False)[1:-1],
            # In a string within a string.
            json.dumps(json.dumps(plain))[3:-3],
            json.dumps(json.dumps(json.dumps(plain)))[5:-5]
            .removeprefix("\\\\")
            .removesuffix("\\\\"),
            repr(repr(plain))[2:-2],
            ascii(plain)[1:-1],
            # As other languages and formats escape it: PHP's JSON, CSV, SQL, quoted-printable.
            plain.replace("/", "\\/"),
            plain.replace('"', '""'),
            plain.replace("'", "''"),
            plain.replace("=", "=3D"),
            quote_plus(plain),
            # Headers are decoded as Latin-1.
            plain.encode("utf-8", "surrogateescape").decode("latin-1"),
        )


def _in_base64(secret: str) -> Iterator[str]:
    # The number of bytes before a value decides how its bytes are grouped.
    content = secret.encode("utf-8", "surrogateescape")
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + content).decode().rstrip("=")
        # Without the digits that share bits with neighbouring bytes.
        whole = (len(content) + before) % 3 == 0
        inner = encoded[(0, 2, 3)[before] : len(encoded) - (0 if whole else 1)]
        if len(inner) >= MIN_SECRET:
            yield inner
            yield inner.replace("+", "-").replace("/", "_")


def _longest_first(forms: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(dict.fromkeys(filter(None, forms)), key=len, reverse=True))
