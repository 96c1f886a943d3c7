"""The public interface is the documented one, and each docstring has an example that works."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import telemetry
from telemetry import testing
from telemetry.settings import read_settings
from tests.api import run_examples
from tests.api.public import API, BY_NAME, DOCUMENTED, PACKAGE, SETTINGS, TESTING
from tests.documents.documents import documents
from tests.support.environment import clean_environment
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PROGRAM = Path(run_examples.__file__)
# Not checked for what they name: they describe what is inside.
INTERNAL = {"docs/contributing.md", "docs/reference.md"}
# What the example's request must have left on its span.
EFFECTS: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "telemetry.asgi_wrapper": lambda span: span["attributes"]["http.response.status_code"] == 204,
    "telemetry.asgi.edge.Edge": lambda span: span["attributes"]["http.response.status_code"] == 204,
    "telemetry.request_record": lambda span: "error.type" not in span["attributes"],
    "telemetry.set_failure": lambda span: span["attributes"]["error.type"] == "LookupError",
    "telemetry.set_outcome": lambda span: span["attributes"]["corkboard.outcome"] == "unknown_site",
    "telemetry.set_site": lambda span: span["attributes"]["corkboard.site"] == "alameda.ca",
    "telemetry.trace_id": lambda span: "error.type" not in span["attributes"],
}


def run(docstrings: Mapping[str, str], folder: Path) -> dict[str, dict[str, Any]]:
    """Run the examples of docstrings with the tree."""
    done = subprocess.run(
        [sys.executable, PROGRAM],
        input=json.dumps(docstrings),
        cwd=folder,
        env=clean_environment(PYTHONPATH=str(ROOT), NO_COLOR="1"),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    docstrings = {name: run_examples.found(name).__doc__ or "" for name in DOCUMENTED}
    return run(docstrings, tmp_path_factory.mktemp("examples"))


def test_the_names_are_the_decided_ones() -> None:
    """As literals, and in order: a new name is a decision."""
    assert tuple(telemetry.__all__) == PACKAGE
    assert tuple(testing.__all__) == TESTING
    for name in DOCUMENTED:
        assert run_examples.found(name), name


def test_the_settings_have_what_is_documented() -> None:
    """By the docstring of `configure`, which names them."""
    settings = read_settings({})
    for name in SETTINGS:
        assert hasattr(settings, name)
        assert f"``{name}``" in (telemetry.configure.__doc__ or "")


@pytest.mark.parametrize("name", DOCUMENTED)
def test_the_example_of_a_docstring_works(name: str, results: Mapping[str, Any]) -> None:
    """Each public name has one."""
    result = results[name]
    assert result["failed"] == 0, result["output"]
    assert result["examples"] > 0, f"{name} has no example"


@pytest.mark.parametrize("name", EFFECTS)
def test_an_example_has_its_effect(name: str, results: Mapping[str, Any]) -> None:
    """On the span of a request to the application that the example defines."""
    [span] = [span for span in results[name]["spans"] if span["kind"] == "SERVER"]
    assert EFFECTS[name](span), span


def test_an_example_that_is_wrong_fails(tmp_path: Path) -> None:
    """A wrong value, an exception, and an application that raises."""
    wrong = {
        "value": ">>> telemetry.flush()\n17\n",
        "error": ">>> telemetry.absent()\n",
        "application": ">>> async def application(scope, receive, send):\n...     1 / 0\n",
        "none": "No example.",
    }
    results = run(wrong, tmp_path)
    assert {name: result["failed"] for name, result in results.items()} == {
        "value": 1,
        "error": 1,
        "application": 1,
        "none": 0,
    }
    assert results["none"]["examples"] == 0
    assert "ZeroDivisionError" in results["application"]["output"]


def test_the_page_lists_each_name() -> None:
    """And no other, in its tables."""
    listed = re.findall(r"^\| `((?:telemetry\.)[\w.]+?)(?:\(\))?` \|", API, re.MULTILINE)
    testing_names = {f"telemetry.testing.{name}" for name in TESTING}
    assert sorted(listed) == sorted(
        {*DOCUMENTED, "telemetry.__version__"} - testing_names
        | {name for name in testing_names if f"`{name}`" in API}
    )
    for name in TESTING:
        assert f"`{name}`" in API or f"`telemetry.testing.{name}`" in API, name


def test_the_page_lists_each_extra() -> None:
    """With what it brings."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    listed = re.findall(r"^\| `\[(\w+)\]` \| (.*?) \|", API, re.MULTILINE)
    assert [name for name, _ in listed] == list(extras)
    for name, brings in listed:
        required = {re.split(r"[<>=~!\[; ]", line)[0] for line in extras[name]}
        assert required == set(re.findall(r"`([\w-]+)`", brings)), name


def test_documents_name_nothing_private() -> None:
    """A host that follows them uses public names only."""
    found = {}
    for path in documents():
        name = str(path.relative_to(ROOT))
        if name not in INTERNAL and "decisions" not in path.parts:
            text = path.read_text("utf-8")
            found[name] = [each for each in names_in(text) if not is_public(each)]
    assert {name: private for name, private in found.items() if private} == {}


def test_a_private_name_in_a_document_is_found() -> None:
    """In an import, and in a sentence."""
    text = "from telemetry.pipeline import Pipeline\n`telemetry.logs.access.log_request`"
    assert [name for name in names_in(text) if not is_public(name)] == [
        "telemetry.logs.access.log_request",
        "telemetry.pipeline.Pipeline",
    ]
    assert names_in("`telemetry.testing.absent` and `corkboard.telemetry.started`") == []


def names_in(text: str) -> list[str]:
    """The names of the package that a document has, with their modules."""
    names = set(re.findall(r"(?<![\w./-])telemetry(?:\.[A-Za-z_]\w*)+", text))
    for module, imported in re.findall(
        r"^(?:>>> )?from (telemetry[\w.]*) import ([\w, ]+)$", text, re.MULTILINE
    ):
        names |= {f"{module}.{name.strip()}" for name in imported.split(",")}
    return sorted(name for name in names if exists(name))


def exists(name: str) -> bool:
    """Whether it is an attribute of a module, and no module itself."""
    module, _, attribute = name.rpartition(".")
    try:
        value = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError):
        return False
    return not isinstance(value, type(telemetry))


def is_public(name: str) -> bool:
    """Whether the page lists it."""
    return name in DOCUMENTED or name == "telemetry.__version__" or name in BY_NAME
