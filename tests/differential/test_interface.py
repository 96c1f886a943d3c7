"""What users write down: variables, paths in documents; and where the history comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.differential import baseline
from tests.differential.comparing import Comparison, read_wanted, report
from tests.differential.surfaces import documented_variables
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def test_each_variable_is_still_there() -> None:
    """By its name, and secret if it was."""
    before, now = documented_variables(baseline.archive()), documented_variables(ROOT)
    assert len(before) > 40
    differences = Comparison(read_wanted()).differences("documents/variables", before, now)
    assert not differences, report(differences)


def test_make_test_has_the_history_where_it_runs() -> None:
    """A shallow checkout lacks the last release."""
    workflow = (ROOT / ".github" / "workflows" / "test.yaml").read_text()
    assert "fetch-depth: 0" in workflow


def test_a_history_without_the_commit_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a shallow clone."""
    monkeypatch.setattr(baseline, "COMMIT", "0" * 40)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(AssertionError, match=r"git fetch --unshallow"):
        baseline.archive()
