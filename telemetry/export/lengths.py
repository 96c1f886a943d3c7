"""The operator's limits of the length of attributes, which apply once a value is redacted.

The SDK would cut a value when it is set, and a credential with it, which no rule finds then. So
the SDK cuts to more than the longest text that is redacted, and these cut what is exported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from telemetry.registry.redaction import MARGIN, MAX_TEXT

if TYPE_CHECKING:
    from telemetry.settings import Settings


class Lengths(NamedTuple):
    """Numbers of characters. None is the redactor's own limit, which is not exceeded."""

    span: int | None = None
    event: int | None = None
    """Of the events and links of spans."""
    record: int | None = None

    @classmethod
    def of(cls, settings: Settings) -> Lengths:
        """The limits that the operator has set."""
        length, own = settings.attribute_length, settings.limits
        return cls(
            _below(length if own.span_length is None else own.span_length),
            _below(length),
            _below(length if own.record_length is None else own.record_length),
        )


NO_LENGTHS = Lengths()
OF_THE_SDK = MAX_TEXT + MARGIN
"""Characters to which the SDK cuts a value."""


def _below(length: int) -> int | None:
    return length if length < MAX_TEXT else None


def shortened(value: Any, longest: int | None) -> Any:
    """A value of an attribute whose texts have at most ``longest`` characters.

    The same object if they have.
    """
    if longest is None:
        return value
    if isinstance(value, str):
        return value if len(value) <= longest else value[:longest]
    if isinstance(value, list | tuple):
        items = [shortened(item, longest) for item in value]
        if all(map(_is, items, value)):
            return value
        return tuple(items) if isinstance(value, tuple) else items
    if isinstance(value, Mapping):
        found = {key: shortened(item, longest) for key, item in value.items()}
        return value if all(map(_is, found.values(), value.values())) else found
    return value


def _is(one: object, other: object) -> bool:
    return one is other
