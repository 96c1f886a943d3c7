"""Service name, release and environment, with one value of each for every vendor."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from telemetry.registry import attributes as a
from telemetry.settings import variables as v

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.settings.reader import Reader


def read_service_name(reader: Reader, attributes: Mapping[str, str], default: str | None) -> str:
    """Return the service name.

    In order of precedence: OTEL_SERVICE_NAME, resource attributes, Logfire's variable, the
    host's default, the name of the running program.
    """
    with reader.setting("service_name"):
        return _given_name(reader, attributes) or default or _running_program(reader)


def is_named(reader: Reader, attributes: Mapping[str, str], default: str | None) -> bool:
    """Whether a variable or the host named the service."""
    return bool(_given_name(reader, attributes) or default)


def read_environment(reader: Reader, attributes: Mapping[str, str]) -> str:
    """Return the value for ``deployment.environment.name`` and Sentry's environment."""
    with reader.setting("environment"):
        return (
            _of_resource(reader, attributes, a.DEPLOYMENT_ENVIRONMENT_NAME)
            or reader.text(v.SENTRY_ENVIRONMENT, v.LOGFIRE_ENVIRONMENT)
            or ("development" if reader.debug else "production")
        )


def read_release(reader: Reader, attributes: Mapping[str, str]) -> str:
    """Return the value for ``service.version`` and Sentry's release."""
    with reader.setting("release"):
        return (
            _of_resource(reader, attributes, a.SERVICE_VERSION)
            or reader.text(v.SENTRY_RELEASE, v.LOGFIRE_SERVICE_VERSION)
            or _baked_release(reader)
            or "development"
        )


def _given_name(reader: Reader, attributes: Mapping[str, str]) -> str | None:
    return (
        reader.text(v.SERVICE_NAME)
        or _of_resource(reader, attributes, a.SERVICE_NAME)
        or reader.text(v.LOGFIRE_SERVICE_NAME)
    )


def _of_resource(reader: Reader, attributes: Mapping[str, str], name: str) -> str | None:
    found = attributes.get(name)
    if found:
        reader.took(v.RESOURCE_ATTRIBUTES)
    return found


def _baked_release(reader: Reader) -> str | None:
    path = reader.get(v.RELEASE_FILE)
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        if reader.given(v.RELEASE_FILE):
            reader.problem(v.RELEASE_FILE, path, "a file that exists")
    except (OSError, UnicodeDecodeError) as error:
        reader.problem(v.RELEASE_FILE, path, f"a readable text file ({error})")
    return None


def _running_program(reader: Reader) -> str:
    # The first users of this layer had `unknown_service` on every trace. The settings
    # module says more than "gunicorn", which says more than nothing.
    module = reader.environ.get("DJANGO_SETTINGS_MODULE", "").strip()
    program = Path(sys.argv[0]).stem if sys.argv and sys.argv[0] else ""
    return module.partition(".")[0] or program.removeprefix("__").removesuffix("__") or "python"
