"""Both versions' recordings: made once for all workers of a test run.

A recording of the last release that has been compared without a difference is kept outside the
tree, by the content of all that goes into it. It is used until one of these changes.
"""

from __future__ import annotations

import pickle
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tests.differential import baseline
from tests.differential.cases import record_cases
from tests.differential.recording import RUNS, Recording, record
from tests.differential.sites import build
from tests.differential.surfaces import Surfaces, arrange
from tests.support import history
from tests.support.cache import cache_of, cached, digest
from tests.support.locks import locked
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.differential.baseline import Version

NAMES = (*RUNS, "cases")
"""The runs of the host, and the cases."""

_HERE = Path(__file__).parent
_FILE = "recording.pickle"


class Recordings:
    """Gives recordings by the name of a run.

    Args:
        shared: a folder that all workers of a test run share.
        template: gives a prepared host, for its migrated database.
    """

    def __init__(self, shared: Path, template: Callable[[], Path]) -> None:
        self._shared = shared
        self._template = template
        self._surfaces: dict[str, tuple[Surfaces, Surfaces]] = {}

    def surfaces(self, name: str) -> tuple[Surfaces, Surfaces]:
        """Give the surfaces of the last release and of the tree."""
        if name not in self._surfaces:
            first, tree = self.raw(name)
            self._surfaces[name] = arrange(first), arrange(tree)
        return self._surfaces[name]

    def raw(self, name: str) -> tuple[Recording, Recording]:
        """Give both recordings as they were made."""
        first, tree = (self._shared / f"{name}-{which}" / _FILE for which in ("baseline", "tree"))
        with locked(self._shared / f"{name}.lock"):
            if not tree.exists():
                self._make(name, first, tree)
        return _load(first), _load(tree)

    def renew(self, name: str) -> bool:
        """Record the last release again if its recording is one of an earlier test run.

        Returns whether it was.
        """
        first = self._shared / f"{name}-baseline"
        kept = cache_of("differential") / _key(name)
        with locked(self._shared / f"{name}.lock"):
            if (first / "run").exists():
                return False
            shutil.rmtree(kept, ignore_errors=True)
            found = _record(name, baseline.baseline(), self._built(), first)
            (first / _FILE).write_bytes(pickle.dumps(found))
        self._surfaces.pop(name, None)
        return True

    def keep(self, name: str) -> None:
        """Keep the last release's recording for later test runs."""
        made = self._shared / f"{name}-baseline" / _FILE

        def copy(folder: Path) -> None:
            folder.mkdir()
            shutil.copy(made, folder / _FILE)

        cached(cache_of("differential"), _key(name), copy)

    def _make(self, name: str, first: Path, tree: Path) -> None:
        for path in (first, tree):
            path.parent.mkdir(parents=True)
        kept = cache_of("differential") / _key(name) / _FILE
        pending = [(baseline.tree(), tree)]
        if kept.exists():
            shutil.copy(kept, first)
        else:
            pending.append((baseline.baseline(), first))
        built = self._built()
        # At the same time: both get the same share of a busy machine.
        with ThreadPoolExecutor(len(pending)) as threads:
            done = threads.map(lambda each: _record(name, each[0], built, each[1].parent), pending)
            recordings = list(done)
        for recording, (_, path) in zip(recordings, pending, strict=True):
            path.write_bytes(pickle.dumps(recording))

    def _built(self) -> Path:
        folder = self._shared / "built"
        with locked(self._shared / "built.lock"):
            if not folder.exists():
                unfinished = self._shared / "unfinished"
                build(self._template(), unfinished)
                unfinished.rename(folder)
        return folder


def _record(name: str, version: Version, built: Path, folder: Path) -> Recording:
    if name == "cases":
        return record_cases(version, built, folder / "run")
    return record(RUNS[name], version, built, folder / "run")


def _load(path: Path) -> Recording:
    found = pickle.loads(path.read_bytes())
    assert isinstance(found, Recording)
    return found


def _inputs() -> str:
    """Name all that goes into a recording of the last release."""
    modules = ("baseline", "cases", "recording", "requests", "sending", "sites")
    support = ("environment", "host", "processes", "servers")
    files = [
        *(_HERE / f"{module}.py" for module in modules),
        *(ROOT / "tests" / "support" / f"{module}.py" for module in support),
        *sorted(baseline.PROGRAMS.rglob("*.py")),
        history.REQUIREMENTS,
    ]
    contents = [(str(path.relative_to(ROOT)), path.read_bytes()) for path in files]
    return digest(sys.base_prefix, contents)


# At import: the files may be edited while the tests run.
_INPUTS = _inputs()


def _key(name: str) -> str:
    return f"recording-{name}-{_INPUTS}"
