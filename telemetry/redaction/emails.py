"""E-mail addresses in any text."""

from __future__ import annotations

import re

from telemetry.registry.redaction import REDACTED

# Of RFC 5321's what is in use, in any script; possessive, and begun where a word begins only,
# so that no text is read twice.
_EMAIL = re.compile(r"(?<![\w.+%'-])[\w.+%'-]++@(?:\[[\w.:]++\]|[\w-]++(?:\.[\w-]++)++)")


def without_emails(text: str) -> str:
    """The text without them."""
    return _EMAIL.sub(REDACTED, text)
