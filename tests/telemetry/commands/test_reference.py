"""The generated documents are fresh, and hold what the registry holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from telemetry.commands.reference import documents, reference, write
from telemetry.registry import attributes, log_fields, metrics, spans
from telemetry.registry.names import Attribute, MetricName, SpanName, entries
from telemetry.settings import passed_on, variables
from telemetry.settings.variable import Variable
from tests.support.paths import ROOT

if TYPE_CHECKING:
    import pytest


def test_generated_documents_are_fresh() -> None:
    """`make docs` would change nothing."""
    for path, text in documents().items():
        assert (ROOT / path).read_text(encoding="utf-8") == text, f"{path} is stale: make docs"


def test_documents_are_written_into_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the folders that they are in."""
    monkeypatch.chdir(tmp_path)
    write({Path("docs/deep/a.md"): "\N{EM DASH}", Path("b.md"): "b"})
    assert (tmp_path / "docs/deep/a.md").read_text(encoding="utf-8") == "\N{EM DASH}"
    assert (tmp_path / "b.md").read_text(encoding="utf-8") == "b"


def test_every_entry_is_in_the_reference() -> None:
    """With its description, which no entry may lack."""
    text = reference()
    listed = [
        *entries(variables, Variable),
        *entries(passed_on, Variable),
        *entries(attributes, Attribute),
        *entries(spans, SpanName),
        *entries(log_fields, Attribute),
        *entries(metrics, MetricName),
    ]
    assert len(listed) > 50
    for entry in listed:
        assert f"`{entry}`" in text
        assert entry.description
