"""A program in a fork does what it does in a new interpreter."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from signal import SIGKILL
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from tests.support.environment import clean_environment
from tests.support.forks import Forks, forks, server_forks
from tests.support.paths import ROOT
from tests.support.processes import program
from tests.support.waiting import wait_until

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


LOOKED_FOR = ("django", "datasette", "sentry_sdk", "gunicorn", "uvicorn", "logfire", "grpc")
PRINT_MODULES = """
import json, sys
print(json.dumps([name for name in sys.modules if name.startswith(%r)]))
"""

PROVIDER_SET = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
"""


@pytest.mark.parametrize("all_forks", [forks, server_forks])
def test_nothing_that_is_tested_or_looked_for_is_imported(
    tmp_path: Path, all_forks: Callable[[], Forks]
) -> None:
    """Telemetry looks in `sys.modules` for the others."""
    code = PRINT_MODULES % ("",)
    imported = json.loads(all_forks().run(code, tmp_path, clean_environment()).stdout)
    tops = {name.partition(".")[0] for name in imported}
    assert "opentelemetry" in tops
    assert not tops & {"telemetry", "config", "tests", *LOOKED_FOR}


@pytest.mark.parametrize(
    "imports",
    [
        "import django",
        "import django.core.asgi, sentry_sdk.transport",
        "import datasette.app",
        "import uvicorn.main, gunicorn.app.wsgiapp",
        "from django.contrib.sessions import middleware; import whitenoise.middleware",
        "import config.settings, django; django.setup()",
    ],
)
def test_what_is_set_aside_comes_when_it_is_imported(tmp_path: Path, imports: str) -> None:
    """And nothing else does: as many modules and attributes as in a new interpreter."""
    code = f"{imports}\n{PRINT_MODULES % (LOOKED_FOR,)}" + dedent(
        """
        print(sorted({
            f"{module.__name__}.{name} {type(value).__name__}"
            f" {getattr(value, '__name__', '')}"
            for module in [*sys.modules.values()]
            if module.__name__.startswith(("django", "datasette", "sentry_sdk"))
            for name, value in [*vars(module).items()]
        }))
        """
    )
    env = clean_environment(DJANGO_SETTINGS_MODULE="config.settings", SECRET_KEY="x")
    forked = forks().run(code, tmp_path, env)
    new = new_interpreter(code, tmp_path, env)
    assert (forked.returncode, forked.stderr) == (new.returncode, new.stderr) == (0, "")
    modules, attributes = forked.stdout.splitlines()
    wanted, wanted_attributes = new.stdout.splitlines()
    assert sorted(json.loads(modules)) == sorted(json.loads(wanted))
    assert attributes == wanted_attributes


@pytest.mark.parametrize(
    ("code", "variables"),
    [
        # A module that reads a variable, and one that imports it.
        (
            "import gunicorn.config; print(gunicorn.config.Workers.default)",
            {"WEB_CONCURRENCY": "7"},
        ),
        ("import gunicorn.app.base as b; print(b.Config().workers)", {"WEB_CONCURRENCY": "7"}),
        # A module that asks for a tracer.
        (PROVIDER_SET + "from datasette.telemetry import tracer; print(type(tracer))", {}),
        (PROVIDER_SET + "import datasette.database as d; print(type(d.tracer))", {}),
        ("from datasette import telemetry; print(type(telemetry.tracer))", {}),
        # What compiles regular expressions.
        ("import telemetry.redaction.redactor as r; print(r.Redactor.__module__)", {}),
        # A package that is in the program's folder too.
        ("import whitenoise; print(whitenoise.__file__)", {}),
    ],
)
def test_what_is_set_aside_is_what_the_program_would_have_run(
    tmp_path: Path, code: str, variables: dict[str, str]
) -> None:
    (tmp_path / "whitenoise.py").touch()
    env = clean_environment(**variables, PYTHONPATH=str(tmp_path))
    assert forks().can_run(code, env)
    forked = forks().run(code, tmp_path, env)
    new = new_interpreter(code, tmp_path, env)
    assert (forked.stdout, forked.stderr) == (new.stdout, new.stderr)
    assert new.returncode == 0


def test_regular_expressions_are_compiled_before(tmp_path: Path) -> None:
    """Those of telemetry, of which no module is imported before."""
    code = """
        import re._compiler
        compiled, compiling = [], re._compiler.compile
        re._compiler.compile = lambda *given: compiled.append(given[0]) or compiling(*given)
        import telemetry.redaction.redactor
        print(compiled)
    """
    done = forks().run(dedent(code), tmp_path, clean_environment())
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize(
    ("code", "variables"),
    [
        ("", {"OTEL_PROPAGATORS": "b3"}),
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
def own(tmp_path: Path) -> Iterator[Forks]:
    made = Forks(tmp_path)
    yield made
    made.close()


def test_a_program_without_an_end_is_ended(tmp_path: Path, own: Forks) -> None:
    """With the fork that runs it, and not with the process."""
    code = "import time\nprint('planted', flush=True)\ntime.sleep(3600)"
    with pytest.raises(subprocess.TimeoutExpired):
        own.run(code, tmp_path, clean_environment(), timeout=0.5)
    other = Forks(tmp_path)
    assert other.run("print('planted')", tmp_path, clean_environment()).stdout == "planted\n"
    other.close()


def test_the_process_ends_with_what_started_it(tmp_path: Path) -> None:
    """However it ends; what another one runs then is not ended, and it starts its own next."""
    code = f"""
        import os, signal, sys
        from pathlib import Path
        from tests.support.forks import Forks
        Forks(Path({str(tmp_path)!r}))
        print("started", flush=True)
        sys.stdin.read()
        os.kill(os.getpid(), signal.SIGKILL)
    """
    with subprocess.Popen(
        [sys.executable, "-c", dedent(code)],
        env=clean_environment(PYTHONPATH=str(ROOT)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as starting:
        assert starting.stdout is not None
        assert starting.stdout.readline() == "started\n"
        first = Forks(tmp_path)
        assert starting.stdin is not None
        starting.stdin.close()
        assert starting.wait() == -SIGKILL
    wait_until(lambda: not accepts(tmp_path / "socket"))
    assert first.run("print('planted')", tmp_path, clean_environment()).stdout == "planted\n"
    second = Forks(tmp_path)
    assert second.run("print('planted')", tmp_path, clean_environment()).stdout == "planted\n"
    first.close()
    second.close()


def accepts(address: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return not probe.connect_ex(str(address))


def new_interpreter(
    code: str, folder: Path, env: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
