"""The kinds of name. An entry *is* the string that goes on the wire.

A typo is an ImportError, the reference is generated from the entries, and a
conformance test compares what is emitted with what is registered, both ways.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


class Name(str):
    """What all kinds of entry are: the string, and beside it what is known of it."""

    __slots__ = ()

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        # A copy collapses to the plain string: on the wire that is all an
        # entry is, and the SDK deep-copies metric attributes.
        return (str, (str(self),))


class Attribute(Name):
    """An attribute's key; ``values`` closes its set, which makes it safe on a metric."""

    __slots__ = ("description", "values")

    description: str
    values: frozenset[str] | None

    def __new__(
        cls, name: str, description: str, *, values: Iterable[str] | None = None
    ) -> Attribute:
        self = super().__new__(cls, name)
        self.description = description
        self.values = frozenset(values) if values is not None else None
        return self


class SpanName(Name):
    """A span's name, or the template of one, and the attributes it may carry."""

    __slots__ = ("attributes", "description", "kind")

    description: str
    kind: str
    attributes: tuple[Attribute, ...]

    def __new__(
        cls, name: str, description: str, *, kind: str, attributes: Iterable[Attribute]
    ) -> SpanName:
        self = super().__new__(cls, name)
        self.description = description
        self.kind = kind
        self.attributes = tuple(attributes)
        return self


class MetricName(Name):
    """A metric's name with its instrument, unit, attributes and buckets."""

    __slots__ = ("attributes", "buckets", "description", "instrument", "unit")

    description: str
    instrument: str
    unit: str
    attributes: tuple[Attribute, ...]
    buckets: tuple[float, ...] | None

    def __new__(
        cls,
        name: str,
        description: str,
        *,
        instrument: str,
        unit: str,
        attributes: Iterable[Attribute],
        buckets: Iterable[float] | None = None,
    ) -> MetricName:
        self = super().__new__(cls, name)
        self.description = description
        self.instrument = instrument
        self.unit = unit
        self.attributes = tuple(attributes)
        self.buckets = tuple(buckets) if buckets is not None else None
        return self


def entries(module: Any, kind: type[Name]) -> list[Any]:
    """A registry module's entries of one kind, in the order of their definition."""
    return [value for value in vars(module).values() if isinstance(value, kind)]
