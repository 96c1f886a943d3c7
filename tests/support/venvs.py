"""Virtual environments outside the tree, for what can't share ours."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.support.cache import cache_of, cached, digest
from tests.support.environment import clean_environment
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def build_wheel(folder: Path, source: Path = ROOT) -> Path:
    """Build the project's wheel into `folder`; from this checkout, unless told otherwise."""
    _build("wheel", folder, source)
    [wheel] = folder.glob("*.whl")
    return wheel


def build_sdist(folder: Path, source: Path = ROOT) -> Path:
    """Build the project's source distribution into `folder`, from this checkout by default."""
    _build("sdist", folder, source)
    [sdist] = folder.glob("*.tar.gz")
    return sdist


def venv_with(
    requirements: Sequence[str], *, extras: Sequence[str] = (), cache: Path | None = None
) -> Path:
    """Give the Python of an environment that holds `requirements` and our wheel, with `extras`.

    Cached by content, of the requirements and of the package. A wheel and not
    an editable install, which would put `config` and `tests` on the path
    besides. It has the wheel alone: each change to the package makes a new one,
    and the packages of the requirements, with their bytecode, are those of an
    environment that stays.
    """

    package = [path for path in (ROOT / "telemetry").rglob("*.*") if path.suffix != ".pyc"]
    sources = [ROOT / "pyproject.toml", *sorted(package)]
    contents = [(str(path.relative_to(ROOT)), path.read_bytes()) for path in sources]

    def wheel() -> Path:
        [built] = cached(cache_of("wheels"), digest(contents), _build_wheel).glob("*.whl")
        return built

    def build_dependencies(folder: Path) -> None:
        create_venv(folder)
        wanted = f"[{','.join(extras)}]" if extras else ""
        install(python_of(folder), *requirements, f"{wheel()}{wanted}")
        _uv("pip", "uninstall", "--python", python_of(folder), "corkboard-telemetry")

    asked = sorted(requirements), sorted(extras)
    # What a package requires is in pyproject.toml alone.
    name = digest(asked, sources[0].read_bytes(), "dependencies")
    dependencies = cached(cache or cache_of("venvs"), name, build_dependencies)

    def build(folder: Path) -> None:
        create_venv(folder)
        install(python_of(folder), "--no-deps", str(wheel()))
        line = f"import site; site.addsitedir({str(_packages_of(dependencies))!r})\n"
        (_packages_of(folder) / "dependencies.pth").write_text(line)

    return python_of(cached(cache or cache_of("venvs"), digest(asked, contents), build))


def host_python(datasette: str) -> Path:
    """Give the Python of an environment for hosts of upstream's shape.

    Args:
        datasette: the release, as a requirement has it: ``==1.0a28``.
    """
    requirements = (f"datasette{datasette}", "django>=5.2,<6", "djp", "uvicorn")
    # The versions that the guides name.
    others = ("python-json-logger==4.2.0", "redis==8.1.0")
    return venv_with((*requirements, *others), extras=["sentry"])


def venv_of(
    requirements: Sequence[str], *, overrides: Sequence[str] = (), cache: Path | None = None
) -> Path:
    """Give the Python of an environment that holds `requirements` and nothing of ours.

    An override takes the place of whatever a requirement asks of that package.
    """

    def build(folder: Path) -> None:
        create_venv(folder)
        listed = folder.parent / "overrides.txt"
        listed.write_text("\n".join(overrides))
        install(python_of(folder), *requirements, "--override", str(listed))

    name = digest(sorted(requirements), sorted(overrides))
    return python_of(cached(cache or cache_of("venvs"), name, build))


def create_venv(folder: Path) -> None:
    """Create an empty environment of our own Python, without pip."""
    # Relocatable, because it is renamed: scripts would name the old folder.
    _uv("venv", "--relocatable", "--python", sys.executable, folder)


def install(python: Path, *requirements: str) -> None:
    """Install into that environment."""
    _uv("pip", "install", "--python", python, *requirements)


def python_of(folder: Path) -> Path:
    """Give an environment's interpreter."""
    return folder / "bin" / "python"


def _packages_of(folder: Path) -> Path:
    [packages] = folder.glob("lib/python*/site-packages")
    return packages


def _build_wheel(folder: Path) -> None:
    build_wheel(folder)


def _build(target: str, folder: Path, source: Path) -> None:
    command = (sys.executable, "-m", "hatchling", "build", "--target", target)
    _run(*command, "--directory", folder, cwd=source)


def _uv(*arguments: str | Path) -> None:
    _run(sys.executable, "-m", "uv", "--quiet", *arguments)


def _run(*command: str | Path, cwd: Path = ROOT) -> None:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))} failed:\n{done.stdout}")
