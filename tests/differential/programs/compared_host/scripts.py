"""Short programs that use the public API of `telemetry`; each is one of the cases."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import logging
import logging.config
import re
import sys
from importlib.metadata import distribution
from typing import Any

DISTRIBUTION = "corkboard-telemetry"


def configure() -> None:
    """Configure, as a host does at its start."""
    import telemetry

    telemetry.configure(default_service_name="case")
    print("configured")


def emit() -> None:
    """Send a span, a log record and an error, and flush."""
    import telemetry

    telemetry.configure(default_service_name="case")
    logging.config.dictConfig(telemetry.logging_config())
    from opentelemetry import trace

    with trace.get_tracer("case").start_as_current_span("a span"):
        logging.getLogger("case").info("a log record")
        logging.getLogger("case").error("an error")
    print("left", telemetry.flush(30))
    print(json.dumps(telemetry.export_states(), default=str))


def lone_surrogate() -> None:
    """Send text that UTF-8 can't encode, alone in its batch."""
    import telemetry

    telemetry.configure(default_service_name="case")
    logging.config.dictConfig(telemetry.logging_config())
    from opentelemetry import trace

    with trace.get_tracer("case").start_as_current_span("odd") as span:
        span.set_attribute("odd", "\ud800")
    print("left", telemetry.flush(30))


def redact() -> None:
    """Add names and patterns of the host's own to what is redacted."""
    import telemetry

    telemetry.configure(default_service_name="case")
    telemetry.redact(names=["parcel_owner"], patterns=[r"\b\d{3}-\d{2}-\d{4}\b"])
    from opentelemetry import trace

    with trace.get_tracer("case").start_as_current_span("redacted") as span:
        span.set_attribute("parcel_owner", "Ada Lovelace")
        span.set_attribute("text", "of 123-45-6789")
    telemetry.flush(30)


def fail() -> None:
    """Fail as a script does whose errors are reported."""
    import telemetry

    telemetry.configure(default_service_name="case")
    telemetry.report_errors()
    raise LookupError("the script failed")


def misuse(what: str) -> None:
    """Call something in a wrong order."""
    import telemetry

    if what == "instrument first":
        telemetry.instrument()
    if what == "configure twice":
        telemetry.configure(default_service_name="case")
        telemetry.configure(default_service_name="other")
    if what == "outside of a request":
        telemetry.set_site("alpha.ca")
        telemetry.set_outcome("served")
        telemetry.set_failure(ValueError())
        print(telemetry.request_record(), telemetry.trace_id(), telemetry.flush())
    if what == "a bad pattern":
        telemetry.redact(patterns=["("])
    if what == "a bad outcome":
        telemetry.set_outcome("nope")  # type: ignore[arg-type]
    print("done")


def describe(*documented: str) -> None:
    """Print the public API: names, signatures, entry points, and which of these paths there are."""
    import telemetry
    import telemetry.testing

    api = {name: _described(getattr(telemetry, name)) for name in telemetry.__all__}
    receivers = {
        name: _described(getattr(telemetry.testing, name)) for name in telemetry.testing.__all__
    }
    entry_points = distribution(DISTRIBUTION).entry_points
    found = {
        "telemetry": api,
        "telemetry.testing": receivers,
        "entry points": {f"{e.group}: {e.name}": e.load() is not None for e in entry_points},
        "documented": {name: _imports(name) for name in documented},
        "fixtures": _fixtures(),
    }
    json.dump(found, sys.stdout)


def _imports(path: str) -> bool:
    try:
        importlib.import_module(path)
    except ImportError:
        module, _, name = path.rpartition(".")
        try:
            return hasattr(importlib.import_module(module), name)
        except ImportError:
            return False
    return True


def _fixtures() -> list[str]:
    plugin = importlib.import_module("telemetry.pytest_plugin")
    found = vars(plugin).items()
    return sorted(name for name, value in found if "Fixture" in type(value).__name__)


def _described(value: Any) -> Any:
    if not inspect.isclass(value):
        return _signature(value) if callable(value) else type(value).__name__
    fields = dataclasses.fields(value) if dataclasses.is_dataclass(value) else ()
    public = {
        name: _member(member)
        for base in reversed(value.__mro__)
        # Those of third parties and of Python itself are theirs.
        if base.__module__.partition(".")[0] == "telemetry"
        for name, member in vars(base).items()
        if not name.startswith("_")
    }
    return {
        "signature": _signature(value),
        "fields": {field.name: str(field.type) for field in fields},
        "members": public,
        "bases": [
            base.__name__
            for base in value.__mro__[1:-1]
            if base.__module__.partition(".")[0] != "telemetry"
        ],
    }


def _member(value: Any) -> str:
    value = value.__func__ if isinstance(value, classmethod | staticmethod) else value
    return _signature(value) if inspect.isfunction(value) else type(value).__name__


def _signature(value: Any) -> str:
    try:
        # A default that is the environment.
        return re.sub(r"environ\(\{.*?\}\)", "os.environ", str(inspect.signature(value)))
    except (TypeError, ValueError):
        return "unknown"
