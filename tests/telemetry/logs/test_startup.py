"""What is logged before the host has set up logging has the host's format all the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.environment import clean_environment
from tests.support.forks import python
from tests.support.host import host_environment
from tests.support.paths import ROOT
from tests.telemetry.scripts import run_python

if TYPE_CHECKING:
    from pathlib import Path

# A variable that nothing reads: start-up says so.
UNUSED = {"LOGFIRE_PLANTED": "1"}
NOTE = "LOGFIRE_PLANTED"
OWN_FORMAT = """
    import logging.config
    HANDLER = {"class": "logging.StreamHandler", "formatter": "own", "stream": "ext://sys.stdout"}
    logging.config.dictConfig({
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"own": {"format": "%(levelname)s|%(name)s|%(message)s"}},
        "handlers": {"own": HANDLER},
        "root": {"handlers": ["own"]},
    })
"""


def test_the_hosts_start_is_json_from_the_first_line(tmp_path: Path) -> None:
    """Before Django's set-up as after it, and nothing on standard error."""
    done = python(
        "-c",
        "import config.asgi, logging; logging.getLogger('x').info('y')",
        env=host_environment(tmp_path, **UNUSED),
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["level"], line["logger"]) for line in lines] == [
        ("WARNING", "telemetry"),
        ("INFO", "x"),
    ]
    assert NOTE in lines[0]["message"]


def test_a_format_of_the_hosts_own_is_used(tmp_path: Path) -> None:
    """It is known once the application is wrapped, or by the next message."""
    for then in ("telemetry.asgi_wrapper(None)", "logging.getLogger('telemetry').warning('next')"):
        code = f"""
    import logging, telemetry
    telemetry.configure()
    {OWN_FORMAT}
    {then}
    import sys; sys.stdout.flush(); sys.stdout.write("end\\n"); sys.stdout.flush()
    """
        done = run_python(tmp_path, code, **UNUSED)
        assert (done.returncode, done.stderr) == (0, "")
        first, *_, last = done.stdout.splitlines()
        assert first.startswith("WARNING|telemetry|")
        assert NOTE in first
        assert last == "end"
        assert done.stdout.count(NOTE) == 1


def test_a_program_that_ends_first_has_said_it(tmp_path: Path) -> None:
    """Without a set-up, as Python prints it; once, though the process was forked."""
    code = """
    import os, sys, telemetry
    telemetry.configure()
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        print("parent")
    sys.exit(3)
    """
    done = run_python(tmp_path, code, **UNUSED)
    assert (done.returncode, done.stdout) == (3, "parent\n")
    [line] = done.stderr.splitlines()
    assert NOTE in line


def test_messages_that_are_held_are_bounded(tmp_path: Path) -> None:
    """The first thousand are written at the end of a program that sets up no logging."""
    code = """
    import logging, telemetry
    telemetry.configure()
    for number in range(1005):
        logging.getLogger("telemetry").warning("planted %d", number)
    """
    done = run_python(tmp_path, code)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines() == [f"planted {number}" for number in range(1000)]


def test_a_program_that_sets_up_nothing_says_it_soon(tmp_path: Path) -> None:
    """It may run for days."""
    code = (
        "import sys, telemetry; from telemetry.logs import startup; startup.SECONDS = 0.1;"
        "telemetry.configure(); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=clean_environment(**UNUSED),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stderr is not None
        # It is still running: its input has not ended.
        assert NOTE in running.stderr.readline()
        assert running.poll() is None
        _, rest = running.communicate(timeout=300)
    assert (running.returncode, rest) == (0, "")


@pytest.mark.parametrize("exported", [False, True])
def test_lines_that_are_asked_for_and_not_in_use_are_a_warning(
    tmp_path: Path, exported: bool
) -> None:
    """Django ignores `LOGGING` where `LOGGING_CONFIG` is None. Applied by hand it is in use."""
    code = """
    import logging.config, telemetry
    telemetry.configure()
    import django
    from django.conf import settings
    settings.configure(LOGGING_CONFIG=None, LOGGING=telemetry.logging_config())
    django.setup()
    {apply}
    telemetry.instrument()
    print(type(telemetry.asgi_wrapper(print)).__name__)
    """
    variables = {"OTEL_TRACES_EXPORTER": "console"} if exported else {}
    done = run_python(tmp_path, code.format(apply=""), **variables)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == ("Edge" if exported else "builtin_function_or_method")
    [line] = [line for line in done.stderr.splitlines() if "LOGGING_CONFIG" in line]
    assert "no access lines are written" in line
    done = run_python(
        tmp_path, code.format(apply="logging.config.dictConfig(settings.LOGGING)"), **variables
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "Edge"


MANAGE = """\
import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "my_host.settings")
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
"""
SETTINGS = """\
import telemetry

INSTALLED_APPS = ["my_host"]
LOGGING = telemetry.logging_config(debug=False)
"""
COMMAND = """\
import logging
from django.core.management.base import BaseCommand

class Command(BaseCommand):
    def handle(self, *args, **options):
        logging.getLogger("my_host").info("logged")
        self.stdout.write("printed")
"""


def test_commands_log_to_standard_error_with_an_unchanged_manage_py(tmp_path: Path) -> None:
    """Standard output is the command's; by `manage.py`, and by `python -m django`."""
    commands = tmp_path / "my_host" / "management" / "commands"
    commands.mkdir(parents=True)
    (tmp_path / "manage.py").write_text(MANAGE)
    (tmp_path / "my_host" / "settings.py").write_text(SETTINGS)
    (commands / "greet.py").write_text(COMMAND)
    env = clean_environment(
        DJANGO_SETTINGS_MODULE="my_host.settings",
        PYTHONPATH=os.pathsep.join((str(tmp_path), str(ROOT))),
    )
    for program in (["manage.py"], ["-m", "django"]):
        done = python(
            *program,
            "greet",
            cwd=tmp_path,
            env=env,
        )
        assert (done.returncode, done.stdout) == (0, "printed\n"), done.stderr
        [line] = done.stderr.splitlines()
        assert json.loads(line)["message"] == "logged"
