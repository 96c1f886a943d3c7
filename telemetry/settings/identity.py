"""Which service this is, in which release and environment: one value each, for every vendor."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from telemetry.registry import attributes as a
from telemetry.settings import parse
from telemetry.settings import variables as v

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.settings.reader import Reader

DEFAULT_RELEASE_FILE = "/.release"


def read_service_name(reader: Reader, attributes: Mapping[str, str], default: str | None) -> str:
    """OTEL_SERVICE_NAME, the resource's, Logfire's, the host's own, else what is running."""
    return _given_name(reader, attributes) or default or _running_program(reader)


def is_named(reader: Reader, attributes: Mapping[str, str], default: str | None) -> bool:
    """Whether a variable or the host named the service."""
    return bool(_given_name(reader, attributes) or default)


def is_debug(reader: Reader) -> bool:
    """DEBUG. The host's variable, not ours to judge: what isn't plainly true is false."""
    return (reader.text(v.DEBUG) or "").lower() in parse.TRUE


def read_environment(reader: Reader, attributes: Mapping[str, str], *, debug: bool) -> str:
    """One value for ``deployment.environment.name`` and for Sentry."""
    given = reader.text(
        (v.RESOURCE_ATTRIBUTES, lambda: attributes.get(a.DEPLOYMENT_ENVIRONMENT_NAME)),
        v.SENTRY_ENVIRONMENT,
        v.LOGFIRE_ENVIRONMENT,
    )
    return given or ("development" if debug else "production")


def read_release(reader: Reader, attributes: Mapping[str, str]) -> str:
    """One value for ``service.version`` and for Sentry."""
    given = reader.text(
        (v.RESOURCE_ATTRIBUTES, lambda: attributes.get(a.SERVICE_VERSION)),
        v.SENTRY_RELEASE,
        v.LOGFIRE_SERVICE_VERSION,
        (v.RELEASE_FILE, lambda: _baked_release(reader)),
    )
    return given or "development"


def _given_name(reader: Reader, attributes: Mapping[str, str]) -> str | None:
    return reader.text(
        v.SERVICE_NAME,
        (v.RESOURCE_ATTRIBUTES, lambda: attributes.get(a.SERVICE_NAME)),
        v.LOGFIRE_SERVICE_NAME,
    )


def _baked_release(reader: Reader) -> str | None:
    named = reader.text(v.RELEASE_FILE)
    path = Path(named or DEFAULT_RELEASE_FILE)
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        if named:
            reader.problem(v.RELEASE_FILE, named, "a file that exists")
    except (OSError, UnicodeDecodeError) as error:
        reader.problem(v.RELEASE_FILE, str(path), f"a readable text file ({error})")
    return None


def _running_program(reader: Reader) -> str:
    # `unknown_service` was on every trace of this layer's first users. The
    # settings module says more than "gunicorn", and that more than nothing.
    package = (reader.text("DJANGO_SETTINGS_MODULE") or "").partition(".")[0]
    program = Path(sys.argv[0]).stem if sys.argv and sys.argv[0] else ""
    return package or program.removeprefix("__").removesuffix("__") or "python"
