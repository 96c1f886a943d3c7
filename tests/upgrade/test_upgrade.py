"""A host and its operator upgrade from the last release without a change that nothing announces.

Each comparison gives the names that differ. They fail, unless the changelog names them in a line
headed **Upgrade**.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from telemetry.testing import EventReceiver, OTLPReceiver
from tests.api.public import ATTRIBUTES, BY_NAME, CREATED_FOR_HOSTS
from tests.api.test_public_api import run as run_examples
from tests.support.environment import clean_environment
from tests.support.paths import ROOT
from tests.support.processes import free_port
from tests.upgrade.released import archive, noted, python, tables, upgrade_notes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROGRAMS = Path(__file__).parent / "programs"
COMMANDS = ("check", "config", "cost", "trace", "mcp", "viewer")
SECTIONS = ("Variables", "Spans", "Attributes", "Error events", "Log lines", "Metrics")
# Columns whose texts are for readers.
WORDS = {"Meaning", "Attributes"}
# What operators have in their environment files.
ENVIRONMENTS: Mapping[str, Mapping[str, str]] = {
    "nothing": {},
    "debug": {"DEBUG": "1"},
    "otlp": {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://otlp.example.org:4318",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20planted",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_SERVICE_NAME": "corkboard",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=staging,service.version=1.2",
    },
    "logfire and errors": {
        "LOGFIRE_TOKEN": "pylf_v1_eu_planted",
        "SENTRY_DSN": "https://planted@bugsink.example.org/1",
        "OTEL_TRACES_SAMPLER": "tail",
        "OTEL_TRACES_SAMPLER_ARG": "0.05",
    },
    "prometheus": {"OTEL_METRICS_EXPORTER": "prometheus", "OTEL_TRACES_EXPORTER": "none"},
    "ours": {
        "OTEL_TRACES_EXPORTER": "console",
        "TELEMETRY_TRACEPARENT": "trust",
        "TELEMETRY_SLOW": "750ms",
        "TELEMETRY_FOLD_BELOW": "10ms",
        "TELEMETRY_SITE_LIMIT": "20",
        "TELEMETRY_ACCESS_LOG": "all",
        "TELEMETRY_REDACT": "credentials",
        "TELEMETRY_SHUTDOWN_TIMEOUT": "3s",
        "LOG_FORMAT": "text",
    },
}
_SECRET = "Secret."
Described = dict[str, Any]


@pytest.fixture(scope="module")
def before() -> Described:
    return describe(python())


@pytest.fixture(scope="module")
def now() -> Described:
    return describe(Path(sys.executable))


def describe(interpreter: Path) -> Described:
    """The public interface of the version that an interpreter has."""
    asked = {"names": BY_NAME, "commands": COMMANDS, "environments": ENVIRONMENTS}
    done = subprocess.run(
        [interpreter, PROGRAMS / "describe.py"],
        input=json.dumps(asked),
        cwd=PROGRAMS,
        env=clean_environment(COLUMNS="200", NO_COLOR="1"),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def unannounced(differences: Iterator[str]) -> list[str]:
    """Those whose name, the first word, no line of the changelog has."""
    names = noted()
    return [each for each in differences if each.split()[0] not in names]


# The public interface


def test_each_public_name_can_be_used_as_before(before: Described, now: Described) -> None:
    """With the arguments, and the attributes, that it had."""
    assert len(before["names"]) > 30
    assert unannounced(changed_names(before["names"], now["names"])) == []


def changed_names(before: Described, now: Described) -> Iterator[str]:
    """The public names that can't be used as before."""
    for name, was in before.items():
        if name not in now:
            yield f"{name} is gone"
            continue
        found = now[name]
        if name not in CREATED_FOR_HOSTS:
            yield from changed_parameters(name, was["parameters"], found["parameters"])
        for base in was.get("bases", ()):
            if base not in found["bases"]:
                yield f"{name} is no {base} any more"
        for attribute, parameters in was.get("attributes", {}).items():
            if attribute not in ATTRIBUTES.get(name, {attribute}):
                continue
            if attribute not in found["attributes"]:
                yield f"{name} has no {attribute} any more"
            else:
                others = found["attributes"][attribute]
                yield from changed_parameters(f"{name} {attribute}", parameters, others)


def changed_parameters(
    name: str, was: list[list[Any]] | None, found: list[list[Any]] | None
) -> Iterator[str]:
    """What a call that was right would meet."""
    if was is None or found is None:
        if was is not found:
            yield f"{name} can be called now, or not any more"
        return
    names = [each[0] for each in found]
    for position, (parameter, kind, default) in enumerate(was):
        if parameter not in names:
            yield f"{name} takes no {parameter} any more"
        elif found[names.index(parameter)] != [parameter, kind, default]:
            yield f"{name} takes {parameter} otherwise"
        elif kind.startswith("POSITIONAL") and names.index(parameter) != position:
            yield f"{name} takes {parameter} at another place"
    known = {each[0] for each in was}
    for parameter, kind, default in found:
        if parameter not in known and default is None and not kind.startswith("VAR_"):
            yield f"{name} needs {parameter}"


def test_the_examples_of_the_release_work(before: Described, tmp_path: Path) -> None:
    """Those of its docstrings, with the tree."""
    docstrings = {name: was["doc"] for name, was in before["names"].items() if was["doc"]}
    examples = {name: doc for name, doc in docstrings.items() if ">>>" in doc}
    # The commit before the first release, with which this began, has none.
    assert bool(examples) == (archive() / "docs" / "api.md").is_file()
    names = noted()
    failed = {
        name: result["output"]
        for name, result in run_examples(examples, tmp_path).items()
        if result["failed"] and name not in names
    }
    assert failed == {}


@pytest.mark.parametrize("kind", ["entry points", "extras"])
def test_what_is_installed_by_name_is_there(kind: str, before: Described, now: Described) -> None:
    """As variables and requirements of hosts name it."""
    assert before[kind]
    gone = (each for each in before[kind] if each not in now[kind])
    assert unannounced(gone) == []


def test_commands_have_their_options(before: Described, now: Described) -> None:
    """Scripts of operators use them."""
    gone = (
        f"{option} of {command}"
        for command, options in before["options"].items()
        for option in options
        if option not in now["options"][command]
    )
    assert sum(map(len, before["options"].values())) > 10
    assert unannounced(gone) == []


# Settings


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_means_what_it_meant(name: str, before: Described, now: Described) -> None:
    """By what `config --all --json` prints of it."""
    was, found = before["configurations"][name], now["configurations"][name]
    assert was["exit code"] in (0, 2)
    assert found["exit code"] == was["exit code"], found
    if was["exit code"] == 0:
        assert unannounced(changed_settings(was["printed"], found["printed"])) == []


def changed_settings(before: Described, now: Described) -> Iterator[str]:
    """The settings that have another value or none."""
    for name, was in before["settings"].items():
        if now["settings"].get(name) != was:
            yield f"{name} was {was} and is {now['settings'].get(name)}"


# Names


@pytest.mark.parametrize("section", SECTIONS)
def test_each_name_is_in_the_reference(section: str) -> None:
    """Variables with their defaults, metrics with unit and type, attributes with values."""
    path = Path("docs") / "reference.md"
    before, now = (tables((root / path).read_text("utf-8"), section) for root in (archive(), ROOT))
    assert before
    assert unannounced(changed_rows(before, now)) == []


def changed_rows(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """The names that are gone, or that have another default, unit, type, kind or fewer values."""
    for name, was in before.items():
        if name not in now:
            yield f"{name} is gone"
            continue
        if _SECRET in was.get("Meaning", "") and _SECRET not in now[name].get("Meaning", ""):
            yield f"{name} is no secret any more"
        for column, text in was.items():
            found = now[name].get(column)
            if column in WORDS or found == text:
                continue
            if column == "Values" and set(text.split(", ")) <= set((found or "").split(", ")):
                continue
            yield f"{name} has {found!r} as {column}, and had {text!r}"


# The spool


def test_the_spool_of_the_release_is_sent(tmp_path: Path) -> None:
    """Each item that the older version has left, of every kind, once, by the newer."""
    otlp, errors = free_port(), free_port()
    env = clean_environment(
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{otlp}",
        SENTRY_DSN=EventReceiver(errors).dsn,
        TELEMETRY_SPOOL_DIR=str(tmp_path / "spool"),
        TELEMETRY_EVENT_LIMIT="1000",
        TELEMETRY_EVENT_GROUP_LIMIT="1000",
        OTEL_METRIC_EXPORT_INTERVAL="600000",
    )
    run_spooling(python(), env | {"TELEMETRY_SHUTDOWN_TIMEOUT": "1s"}, "old")
    left = {path.parent.name.partition("-")[0] for path in (tmp_path / "spool").rglob("*.items")}
    assert left == {"traces", "metrics", "logs", "errors"}
    env["TELEMETRY_SHUTDOWN_TIMEOUT"] = "30s"
    with OTLPReceiver(otlp) as receiver, EventReceiver(errors) as tracker:
        run_spooling(Path(sys.executable), env, "new", str(tmp_path / "spool"))
    assert [*(tmp_path / "spool").rglob("*.items")] == []
    expected = sorted(f"{prefix} {number}" for prefix in ("old", "new") for number in range(10))
    assert sorted(span.name for span in receiver.spans) == expected
    bodies = sorted(str(log.body) for log in receiver.logs if log.scope == "host")
    assert bodies == expected
    assert sorted(event.exceptions[-1][1] for event in tracker.events) == expected
    instances = {point.resource["service.instance.id"] for point in receiver.metrics}
    assert len(instances) == 2


def run_spooling(interpreter: Path, env: Mapping[str, str], *arguments: str) -> None:
    """Run the program in one of the versions."""
    command: list[str | Path] = [interpreter, PROGRAMS / "spool.py", *arguments]
    done = subprocess.run(
        command, cwd=PROGRAMS, env=env, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stdout + done.stderr


# That the comparisons can fail


def test_a_change_of_the_interface_is_found(before: Described) -> None:
    """A name, a parameter, a default, an attribute and a base that are not as before."""
    names = before["names"]
    now = json.loads(json.dumps(names))
    del now["telemetry.set_site"]
    now["telemetry.flush"]["parameters"] = [["seconds", "POSITIONAL_OR_KEYWORD", None]]
    now["telemetry.configure"]["parameters"][1][2] = "'x'"
    del now["telemetry.testing.Capture"]["attributes"]["spans"]
    now["telemetry.ConfigurationError"]["bases"].remove("TelemetryError")
    assert set(changed_names(names, now)) == {
        "telemetry.set_site is gone",
        "telemetry.flush takes no timeout any more",
        "telemetry.flush needs seconds",
        "telemetry.configure takes default_service_name otherwise",
        "telemetry.testing.Capture has no spans any more",
        "telemetry.ConfigurationError is no TelemetryError any more",
    }
    assert [*changed_names(names, names)] == []


def test_a_change_of_a_name_is_found() -> None:
    """A unit, a default and a value that is gone; more values are none."""
    before = {
        "a": {"Metric": "`a`", "Unit": "s", "Meaning": "x"},
        "b": {"Variable": "`b`", "Default": "1"},
        "c": {"Attribute": "`c`", "Values": "`x`, `y`"},
        "d": {"Attribute": "`d`", "Values": "`x`"},
        "e": {"Attribute": "`e`"},
        "f": {"Variable": "`f`", "Meaning": "A token. Secret."},
    }
    now = {
        "a": {"Metric": "`a`", "Unit": "ms", "Meaning": "y"},
        "b": {"Variable": "`b`", "Default": "2"},
        "c": {"Attribute": "`c`", "Values": "`x`"},
        "d": {"Attribute": "`d`", "Values": "`x`, `y`"},
        "f": {"Variable": "`f`", "Meaning": "A token."},
    }
    assert [each.split()[0] for each in changed_rows(before, now)] == ["a", "b", "c", "e", "f"]
    settings = {"settings": {"x": {"value": 1, "from": []}}}
    assert [*changed_settings(settings, {"settings": {}})]


def test_the_changelog_announces_a_change() -> None:
    """In an item headed Upgrade, of what is newer than the release."""
    text = (
        "## 0.3.0 (unreleased)\n\n- `a` is new.\n- **Upgrade**: `b` is\n  `c`.\n\n"
        "## 0.2.0 (2027-01-01)\n\n- **Upgrade**: `d` is `e`.\n"
    )
    assert upgrade_notes(text, "0.2.0") == {"b", "c"}
    assert upgrade_notes(text, "0.1.0") == {"b", "c", "d", "e"}
    assert upgrade_notes(text.replace("2027-01-01", "unreleased"), "0.2.0") == {"b", "c", "d", "e"}
