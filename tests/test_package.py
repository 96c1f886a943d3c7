"""What is published: the layer alone, and it works alone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest
from packaging.metadata import Metadata

from telemetry import __version__
from tests.support.environment import clean_environment
from tests.support.paths import ROOT
from tests.support.venvs import build_sdist, build_wheel, create_venv, install, python_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from telemetry.testing import OTLPReceiver


def unexpected(names: Iterable[str]) -> list[str]:
    """Give what a wheel of ours has no business to hold."""
    return [
        name for name in names if not name.startswith("telemetry/") and ".dist-info/" not in name
    ]


def relative_links(text: str) -> list[str]:
    """Give the targets of a text's links and pictures that are no addresses."""
    targets = re.findall(r"\]\(([^)\s]*)|^\[[^\]]+\]:\s*(\S+)", text, re.MULTILINE)
    return [each for pair in targets for each in pair if each and not each.startswith("https:")]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_the_layer_only(wheel: Path) -> None:
    """Neither the host nor tests, but typing's marker, licence and entry points."""
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        [entry_points] = [name for name in names if name.endswith("/entry_points.txt")]
        declared = archive.read(entry_points).decode()
    assert unexpected(names) == []
    assert "telemetry/py.typed" in names
    assert "telemetry/datasette/plugin/templates/500.html" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert "[opentelemetry_configurator]" in declared
    assert not [name for name in names if name.endswith(".pyc")]


def test_its_metadata_is_whole(wheel: Path) -> None:
    """As an index checks it, and as those who choose it read it."""
    with ZipFile(wheel) as archive:
        [path] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        found = Metadata.from_email(archive.read(path))
    assert (found.name, str(found.version)) == ("corkboard-telemetry", __version__)
    assert (found.license_expression, found.license_files) == ("BSD-3-Clause", ["LICENSE"])
    assert str(found.requires_python) == ">=3.11"
    assert found.summary
    assert found.description_content_type == "text/markdown"
    readme = (ROOT / "README.md").read_text("utf-8").splitlines()
    # All of it but links, pictures and the comments for tests.
    kept = [line for line in readme if line and "](" not in line and not line.startswith("<!--")]
    assert len(kept) > 50
    description = (found.description or "").splitlines()
    assert [line for line in description if line in kept] == kept
    assert "<!--" not in (found.description or "")
    assert relative_links(found.description or "") == []
    assert "Typing :: Typed" in (found.classifiers or [])
    extras = {"datasette", "django", "grpc", "logfire", "mcp", "prometheus", "sentry"}
    assert set(found.provides_extra or []) == extras
    # What is not an extra's: OpenTelemetry, and no framework and no vendor.
    needed = {line.name for line in found.requires_dist or [] if line.marker is None}
    assert {name for name in needed if not name.startswith("opentelemetry-")} == {
        # What HTTP and the messages of OTLP need.
        *("certifi", "googleapis-common-protos", "requests", "urllib3"),
        "wrapt",
    }


def test_the_source_distribution_makes_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    """Whoever builds from it misses nothing: no template, no marker."""
    with tarfile.open(build_sdist(tmp_path)) as archive:
        archive.extractall(tmp_path, filter="data")
    [source] = (path for path in tmp_path.iterdir() if path.is_dir())
    template = "telemetry/datasette/plugin/templates/500.html"
    assert (source / template).is_file()
    assert not (source / "tests").exists()
    assert (source / "docs" / "api.md").is_file()
    again = build_wheel(tmp_path, source)
    assert again.read_bytes() == wheel.read_bytes()


def test_a_build_elsewhere_makes_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    """At another time, in another folder, by a user with another umask: both files."""
    sdist = build_sdist(tmp_path / "sdist")
    source = tmp_path / "elsewhere"
    source.mkdir()
    files = ("README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", ".gitignore")
    for name in ("telemetry", "docs", *files):
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name,
                source / name,
                copy_function=shutil.copyfile,
                ignore=shutil.ignore_patterns("__pycache__"),
            )
        else:
            shutil.copyfile(ROOT / name, source / name)
    for path in source.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700 if path.is_dir() else 0o600)
    assert build_wheel(tmp_path / "wheel", source).read_bytes() == wheel.read_bytes()
    assert build_sdist(tmp_path / "again", source).read_bytes() == sdist.read_bytes()
    # And not since everything makes the same.
    (source / "telemetry" / "version.py").write_text('__version__ = "0.0.1"\n')
    assert build_wheel(tmp_path / "other", source).read_bytes() != wheel.read_bytes()


def test_a_relative_link_would_be_noticed() -> None:
    """An index shows the README at another address."""
    text = "[a](https://example.org/a) ![b](docs/b.png) [c](#c) [d][d]\n\n[d]: docs/d.md\n"
    assert relative_links(text) == ["docs/b.png", "#c", "docs/d.md"]


def test_a_foreign_file_would_be_noticed() -> None:
    """The check above can fail."""
    names = ["telemetry/__init__.py", "x-0.1.dist-info/METADATA", "config/settings.py"]
    assert unexpected(names) == ["config/settings.py"]


@pytest.fixture(scope="module")
def installed_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds the package and what it needs."""
    folder = tmp_path_factory.mktemp("alone") / "venv"
    create_venv(folder)
    install(python_of(folder), str(wheel))
    return python_of(folder)


def run(python: Path, code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run code where nothing of this checkout can be imported."""
    return subprocess.run(
        [python, "-I", "-c", code],
        cwd=python.parent,
        env=clean_environment(**variables),
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_it_imports_where_nothing_else_is_installed(installed_python: Path) -> None:
    """Frameworks and vendors are extras; without them the package still imports."""
    done = run(
        installed_python,
        "import importlib.util, telemetry, telemetry.testing\n"
        "others = ['django', 'datasette', 'djp', 'grpc', 'logfire', 'sentry_sdk', 'config']\n"
        "print(telemetry.__file__)\n"
        "print([name for name in others if importlib.util.find_spec(name)])\n",
    )
    assert done.returncode == 0, done.stderr
    path, others = done.stdout.splitlines()
    assert path.startswith(str(installed_python.parent.parent))
    assert others == "[]"


def test_it_sends_where_nothing_else_is_installed(
    installed_python: Path, receiver: OTLPReceiver
) -> None:
    """A script need not flush, and Logfire needs no SDK of its own."""
    done = run(
        installed_python,
        "import telemetry\n"
        "from opentelemetry import trace\n"
        "telemetry.configure(default_service_name='script')\n"
        "telemetry.instrument()\n"
        "with trace.get_tracer('script').start_as_current_span('work'): pass\n",
        LOGFIRE_TOKEN="pylf_v1_us_sesame",
        LOGFIRE_BASE_URL=receiver.url,
    )
    assert (done.returncode, done.stderr) == (0, "")
    (span,) = receiver.spans
    assert (span.name, span.resource["service.name"]) == ("work", "script")
    assert {r.headers["authorization"] for r in receiver.requests} == {"pylf_v1_us_sesame"}


def test_a_missing_extra_is_an_error_with_the_command_that_installs_it(
    installed_python: Path,
) -> None:
    """Once, though all three signals want it, by the variable that asked."""
    done = run(
        installed_python,
        "import telemetry; telemetry.configure()",
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4317",
        OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
        SENTRY_DSN="https://planted-key@bugsink.example.org/1",
    )
    assert done.returncode == 1
    assert "2 problems" in done.stderr
    wanted = "OTEL_EXPORTER_OTLP_PROTOCOL='grpc': wanted its extra: "
    assert f"{wanted}pip install 'corkboard-telemetry[grpc]'" in done.stderr
    wanted = "SENTRY_DSN=(hidden): wanted its extra: "
    assert f"{wanted}pip install 'corkboard-telemetry[sentry]'" in done.stderr
    assert "planted-key" not in done.stderr
