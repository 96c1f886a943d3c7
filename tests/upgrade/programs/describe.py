"""Describes the public interface of the version of the package that is installed, as JSON.

Input: the names to describe, and environments to read a configuration from.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import json
import os
import re
import runpy
import sys
from importlib.metadata import entry_points, metadata
from typing import Any

GROUPS = (
    "opentelemetry_configurator",
    "opentelemetry_distro",
    "opentelemetry_instrumentor",
    "opentelemetry_logs_exporter",
    "opentelemetry_metrics_exporter",
    "opentelemetry_traces_exporter",
    "opentelemetry_traces_sampler",
    "pytest11",
)


def main() -> None:
    asked = json.load(sys.stdin)
    import telemetry
    import telemetry.testing

    names = [f"telemetry.{name}" for name in telemetry.__all__]
    names += [f"telemetry.testing.{name}" for name in telemetry.testing.__all__]
    names += asked["names"]
    described = {
        "names": {name: describe(name) for name in names},
        "entry points": sorted(
            f"{group} {entry.name}"
            for group in GROUPS
            for entry in entry_points(group=group)
            if entry.value.startswith("telemetry")
        ),
        "extras": sorted(metadata("corkboard-telemetry").get_all("Provides-Extra") or ()),
        "options": {command: options(command) for command in asked["commands"]},
        "configurations": {
            name: configuration(variables) for name, variables in asked["environments"].items()
        },
    }
    json.dump(described, sys.stdout)


def describe(name: str) -> dict[str, Any]:
    """What can be done with an object: its parameters, and the public attributes of a class."""
    module, _, attribute = name.rpartition(".")
    found = getattr(importlib.import_module(module), attribute)
    described: dict[str, Any] = {"parameters": parameters(found), "doc": found.__doc__}
    if inspect.isclass(found):
        fields = getattr(found, "__dataclass_fields__", {})
        public = {each for each in {*dir(found), *fields} if not each.startswith("_")}
        described["attributes"] = {
            each: parameters(getattr(found, each, None)) for each in sorted(public)
        }
        described["bases"] = [base.__name__ for base in found.__mro__ if base is not object]
    return described


def parameters(found: Any) -> list[list[Any]] | None:
    """Name, kind and default of each, or None for what can't be called."""
    if not callable(found):
        return None
    try:
        signature = inspect.signature(found)
    except ValueError:
        return None
    return [
        [each.name, each.kind.name, None if each.default is each.empty else repr(each.default)]
        for each in signature.parameters.values()
    ]


def options(command: str) -> list[str]:
    """The options of a command of `python -m telemetry`."""
    _, printed = command_line([command, "--help"], {})
    return sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", printed)))


def configuration(variables: dict[str, str]) -> Any:
    """What `config --all --json` prints."""
    code, printed = command_line(["config", "--all", "--json"], variables)
    return {"exit code": code, "printed": json.loads(printed) if code == 0 else printed}


def command_line(arguments: list[str], variables: dict[str, str]) -> tuple[int, str]:
    """Run `python -m telemetry` in this process."""
    kept = dict(os.environ)
    os.environ.update(variables)
    sys.argv = ["telemetry", *arguments]
    printed = io.StringIO()
    code = 0
    try:
        with contextlib.redirect_stdout(printed):
            runpy.run_module("telemetry", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    finally:
        os.environ.clear()
        os.environ.update(kept)
    return code, printed.getvalue()


if __name__ == "__main__":
    main()
