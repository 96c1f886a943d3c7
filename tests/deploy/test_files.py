"""The deployment's files, each read by a program that knows its kind."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from collector.destinations import destinations
from collector.program import MANIFEST
from tests.support.paths import ROOT

COMPOSE = ROOT / "compose.yaml"
WORKFLOWS = ROOT / ".github" / "workflows"
FORMS = ROOT / ".github" / "ISSUE_TEMPLATE"
BIN = Path(sys.executable).parent


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one of the environment's programs."""
    return subprocess.run(
        [BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, timeout=300
    )


def test_hadolint_has_nothing_to_say(tmp_path: Path) -> None:
    """And would have, of a moving base, or of a package without a release."""
    found = run("hadolint", ROOT / "Dockerfile")
    assert (found.returncode, found.stdout) == (0, "")
    worse = tmp_path / "Dockerfile"
    text = (ROOT / "Dockerfile").read_text()
    worse.write_text(text.replace(":3.13-slim-trixie", ":latest"))
    assert "DL3007" in run("hadolint", worse).stdout


@pytest.mark.parametrize(
    ("schema", "paths", "old", "new"),
    [
        ("compose-spec", [COMPOSE], "read_only: ", "readonly: "),
        ("github-workflows", sorted(WORKFLOWS.iterdir()), "timeout-minutes: ", "timeout: "),
        ("github-issue-forms", sorted(FORMS.glob("*.yaml")), "validations:", "validation:"),
    ],
)
def test_they_are_as_their_schema_wants(
    tmp_path: Path, schema: str, paths: list[Path], old: str, new: str
) -> None:
    """And would not be, with one word wrong."""
    check = ("check-jsonschema", "--builtin-schema", f"vendor.{schema}")
    found = run(*check, *paths)
    assert found.returncode == 0, found.stdout
    for path in paths:
        text = path.read_text()
        assert old in text
        (tmp_path / path.name).write_text(text.replace(old, new))
    found = run(*check, *tmp_path.iterdir())
    assert [path.name for path in paths if path.name not in found.stdout] == []


def test_the_workflows_are_all_there() -> None:
    """For a change, for what main becomes, and for a release."""
    assert {path.stem for path in WORKFLOWS.iterdir()} == {"test", "image", "deploy", "release"}


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """Compose's services, what they share merged into each."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


def test_compose_has_all_services(services: dict[str, dict[str, Any]]) -> None:
    """Two colours of one image, and what they send to."""
    others = {"collector", "collector-storage", "bugsink", "viewer"}
    assert set(services) == {"blue", "green", *others}
    colours = [{**services[name], "ports": None} for name in ("blue", "green")]
    assert colours[0] == colours[1]


def test_only_this_machine_reaches_them(services: dict[str, dict[str, Any]]) -> None:
    """Each port that is published is so on loopback, and once."""
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
    assert len({port.split(":")[1] for port in ports}) == len(ports)


def test_what_is_mounted_is_there(services: dict[str, dict[str, Any]]) -> None:
    """From this checkout, or a volume that is declared."""
    declared = set(yaml.safe_load(COMPOSE.read_text())["volumes"])
    for service in services.values():
        for volume in service.get("volumes", []):
            source = re.sub(r"\$\{DATA:-(.*?)\}", r"\1", volume).split(":")[0]
            assert source in {*declared, "./data"} or (ROOT / source).exists(), volume


def test_a_stop_waits_for_what_is_in_flight(services: dict[str, dict[str, Any]]) -> None:
    """Longer than gunicorn does by default, and telemetry after it."""
    for colour in ("blue", "green"):
        assert float(services[colour]["stop_grace_period"].removesuffix("s")) > 30 + 2


def test_the_collector_is_the_one_that_was_tried(services: dict[str, dict[str, Any]]) -> None:
    """Of the same release, and with a destination that exists."""
    [release] = re.findall(r"^  version: (\S+)$", MANIFEST.read_text(), re.MULTILINE)
    # Perhaps pinned to a digest.
    assert services["collector"]["image"].partition("@")[0].endswith(f"-contrib:{release}")
    [default] = re.findall(r"\$\{DEST:-(\w+)\}", "".join(services["collector"]["command"]))
    assert default in destinations()


def test_no_service_runs_as_another_ones_user(services: dict[str, dict[str, Any]]) -> None:
    """Nor as root, but for the one that gives a volume to its user and ends."""
    assert services["collector"]["user"] not in {"0:0", "10001:10001"}
    [owner] = services["collector-storage"]["entrypoint"][1:2]
    assert owner == services["collector"]["user"]
    assert services["collector"]["depends_on"]["collector-storage"] == {
        "condition": "service_completed_successfully"
    }
    roots = {name for name, each in services.items() if each.get("user") == "0:0"}
    assert roots == {"collector-storage"}


def test_no_one_is_believed_by_address(services: dict[str, dict[str, Any]]) -> None:
    """One proxy is in front; what stands before its entry is a client's word."""
    for colour in ("blue", "green"):
        assert services[colour]["environment"]["TRUSTED_PROXIES"] == "1"
        assert "FORWARDED_ALLOW_IPS" not in services[colour]["environment"]


@pytest.mark.deployment
@pytest.mark.parametrize("script", ["deploy/entrypoint.sh", "deploy/switch.sh", ".ci/run"])
def test_shellcheck_has_nothing_to_say(script: str) -> None:
    """Debian's; hadolint has looked at what the Dockerfile runs."""
    shellcheck = shutil.which("shellcheck")
    assert shellcheck, "wanted Debian's package shellcheck"
    found = subprocess.run([shellcheck, ROOT / script], capture_output=True, text=True)
    assert found.stdout == ""
