"""Debian with its own Python, in a folder: it stands for the base of an image."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.support.cache import cache_of, cached, digest

SUITE = "trixie"
PACKAGES = "python3,python3-venv,ca-certificates"
TIMEOUT = 900
# How this machine reaches its package index.
_OURS = ("/etc/resolv.conf", "/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt")
_PIP = (
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
)


def debian(suite: str = SUITE) -> Path:
    """A small Debian with its Python, made once. Needs root, and Debian's `debootstrap`."""

    def build(folder: Path) -> None:
        command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", suite, str(folder)]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT
        )
        if done.returncode:
            raise AssertionError(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}")
        for path in map(Path, _OURS):
            if path.exists():
                shutil.copy(path.resolve(), folder / str(path).lstrip("/"))

    return cached(cache_of("rootfs"), digest(suite, PACKAGES), build)


def machine_variables() -> dict[str, str]:
    """The variables with which pip in there reaches what pip out here does."""
    variables = {name: os.environ[name] for name in _PIP if name in os.environ}
    return {**variables, "PIP_CERT": "/etc/ssl/certs/ca-certificates.crt"}
