"""What is redacted: kinds of private data, and the values of secret variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.settings import variables as v
from telemetry.settings.model import RedactionSettings

if TYPE_CHECKING:
    from telemetry.settings.reader import Reader


def read_redaction(reader: Reader) -> RedactionSettings:
    """Read TELEMETRY_REDACT, and collect the secrets among all variables."""
    with reader.setting("redaction"):
        kinds = reader.get(v.REDACT)
    return RedactionSettings(kinds, reader.secrets)
