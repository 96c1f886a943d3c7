"""What is redacted: kinds of private data, and the values of secret variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.registry.redaction import MAX_TEXT
from telemetry.settings import variables as v
from telemetry.settings.model import RedactionSettings

if TYPE_CHECKING:
    from telemetry.settings.reader import Reader


def read_redaction(reader: Reader) -> RedactionSettings:
    """Read what is redacted, and collect the secrets among all variables."""
    with reader.setting("redaction"):
        kinds = reader.get(v.REDACT)
    with reader.setting("text_length"):
        length = reader.get(v.TEXT_LENGTH_LIMIT)
        if reader.given(v.TEXT_LENGTH_LIMIT) is None and reader.debug:
            # On a developer's machine no visitor takes its time, and tracebacks are read.
            length = MAX_TEXT
    return RedactionSettings(kinds, reader.secrets, length)
