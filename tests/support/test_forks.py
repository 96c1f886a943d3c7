"""A program in a fork does what it does in a new interpreter."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.environment import clean_environment
from tests.support.forks import Forks, forks, server_forks
from tests.support.processes import program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SEEN = """
import atexit, json, os, sys
import beside
names = "__name__", "__file__"
print(sys.argv, sys.path[0], os.getcwd(), [globals().get(name) for name in names])
print(json.dumps(dict(os.environ), sort_keys=True), os.isatty(1), sys.stdin.read())
atexit.register(print, "at exit")
"""
ENDINGS = {
    "end": "",
    "error": "def f():\n    raise ValueError('planted')\nf()",
    "exit code": "sys.exit(3)",
    "message": "sys.exit('planted')",
    "signal": "sys.stdout.flush()\nos.kill(os.getpid(), 15)",
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
@pytest.mark.parametrize("named", [False, True], ids=["code", "file"])
def test_it_is_as_in_a_new_interpreter(tmp_path: Path, named: bool, ending: str) -> None:
    """Its arguments, path, environment, output, traceback and exit code."""
    (tmp_path / "beside.py").touch()
    code = SEEN + ending
    env = clean_environment(PYTHONPATH=str(tmp_path), PLANTED="é")
    arguments = ["-c"]
    if named:
        (tmp_path / "program.py").write_text(code)
        arguments = [str(tmp_path / "program.py"), "argument"]
    assert forks().can_run(code, env)
    forked = forks().run(code, tmp_path, env, arguments=arguments)
    new = subprocess.run(
        [sys.executable, *(arguments if named else ["-c", code])],
        cwd=tmp_path,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (forked.returncode, forked.stdout) == (new.returncode, new.stdout)
    assert forked.stderr == new.stderr


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_a_server_is_as_in_a_new_interpreter(tmp_path: Path, ending: str) -> None:
    """In a session of its own, too. In a traceback, runpy's frames may be others."""
    (tmp_path / "beside.py").touch()
    code = SEEN.replace("os.getcwd()", "os.getcwd(), os.getsid(0) == os.getpid()") + ending
    (tmp_path / "server.py").write_text(code)
    env = clean_environment(PYTHONPATH=str(tmp_path), PLANTED="é")
    ended = []
    for is_server in (True, False):
        command = [sys.executable, "-m", "server", "argument"]
        with program(command, env=env, cwd=tmp_path, is_server=is_server) as running:
            with pytest.raises(AssertionError, match="ended with"):
                running.wait_until(lambda: False)
            ended.append((running.exit_code, running.stdout(), running.stderr().splitlines()[-1:]))
    assert ended[0] == ended[1]
    assert "True" in ended[0][1]


@pytest.mark.parametrize("all_forks", [forks, server_forks])
def test_nothing_that_is_tested_or_looked_for_is_imported(
    tmp_path: Path, all_forks: Callable[[], Forks]
) -> None:
    """Telemetry looks in `sys.modules` for the others."""
    code = "import sys; print({name.partition('.')[0] for name in sys.modules})"
    env = clean_environment()
    imported = all_forks().run(code, tmp_path, env).stdout
    assert "'opentelemetry'" in imported
    for name in ("telemetry", "config", "tests", "django", "datasette", "sentry_sdk", "logfire"):
        assert repr(name) not in imported


@pytest.mark.parametrize(
    ("code", "variables"),
    [
        ("", {"OTEL_PROPAGATORS": "b3"}),
        ("", {"OTEL_SERVICE_NAME": "mine"}),
        ("", {"PYTHONWARNINGS": "error"}),
        ("import sys; sys.modules", {}),
        ("import os; os.fork()", {}),
    ],
)
def test_what_a_package_read_when_it_was_imported_is_not_changed(
    code: str, variables: dict[str, str]
) -> None:
    """Nor is a program that asks what is imported run in a fork."""
    assert not forks().can_run(code, clean_environment(**variables))
    assert forks().can_run("", clean_environment(OTEL_TRACES_EXPORTER="otlp"))


@pytest.fixture
def own() -> Iterator[Forks]:
    made = Forks()
    yield made
    made.close()


def test_a_program_without_an_end_is_ended(tmp_path: Path, own: Forks) -> None:
    """With the process that it is a fork of."""
    code = "import time\nprint('planted', flush=True)\ntime.sleep(3600)"
    with pytest.raises(subprocess.TimeoutExpired):
        own.run(code, tmp_path, clean_environment(), timeout=0.5)
