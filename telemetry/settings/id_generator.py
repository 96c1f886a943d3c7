"""OTEL_PYTHON_ID_GENERATOR, which only configurators read: AWS X-Ray's, for one."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from telemetry.settings import variables as v

if TYPE_CHECKING:
    from telemetry.settings.reader import Reader


def read_id_generator(reader: Reader) -> str | None:
    """The name of an installed id generator; None for the SDK's random one."""
    given = reader.text(v.ID_GENERATOR)
    if given is None:
        return None
    installed = sorted({point.name for point in installed_id_generators()})
    if given not in installed:
        reader.problem(v.ID_GENERATOR, given, f"one of {', '.join(installed)}")
        return None
    return given


def installed_id_generators() -> metadata.EntryPoints:
    """Id generators that packages offer: classes that take no argument."""
    return metadata.entry_points(group="opentelemetry_id_generator")
