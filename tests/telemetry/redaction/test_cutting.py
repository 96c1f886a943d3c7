"""A limit never halves a credential and so hides it from its rule: it applies after redaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from telemetry.asgi.headers import address_attributes
from telemetry.export.encoding.values import ValueEncoder
from telemetry.logs.plain import text as plain_text
from telemetry.redaction.redactor import MAX_TEXT, Redactor
from telemetry.settings.model import RedactionSettings

if TYPE_CHECKING:
    from collections.abc import Callable

OWN = "planted words of the operator, with blanks"
REDACTOR = Redactor(RedactionSettings(secrets=(OWN,)))
ENCODER = ValueEncoder(REDACTOR)
SECRETS = [
    OWN,
    "planted@mail.example.org",
    "password=planted-and-more",
    "sk_live_plantedplantedplanted",
    "postgres://bob:planted@db.example/x",
    "eyJhbGciOiJIUzI1NiJ9.eyJwbGFudGVkIjoxfQ.c2lnbmF0dXJlplanted",
]


def of_path(text: str) -> str:
    found = address_attributes({"path": text})
    return str(dict(REDACTOR.attributes(found))["url.path"])


# How a text is cut, and to how many characters.
LIMITS: dict[str, tuple[Callable[[str], str], int]] = {
    "text": (REDACTOR.text, MAX_TEXT),
    "log line": (lambda text: REDACTOR.text(plain_text(text)), MAX_TEXT),
    "name": (lambda text: ENCODER.text(text, 1024).decode(), 1024),
    "status": (lambda text: ENCODER.text(text, 4096).decode(), 4096),
    "path": (of_path, 1024),
    "bytes": (lambda text: REDACTOR.anything(text.encode()).decode(), MAX_TEXT),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_no_limit_halves_a_credential(limit: str) -> None:
    """Wherever in it the limit is, and however long the rest of the text."""
    cut, length = LIMITS[limit]
    for secret in SECRETS:
        for inside in range(1, len(secret), 5):
            for after in ("", " and more", " x" * 3000):
                shown = cut("/" + "a " * ((length - inside) // 2) + secret + after)
                assert len(shown) <= length
                assert "planted" not in shown
                assert "bob:" not in shown
