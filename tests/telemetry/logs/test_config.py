"""One function for Django's `LOGGING`, applied as Django does, after a server's own set-up."""

from __future__ import annotations

import json
import logging
import logging.handlers
from typing import TYPE_CHECKING

import pytest

from telemetry.logs.config import lines_in_use
from telemetry.logs.formatters import JSONFormatter
from tests.telemetry.scripts import run_python

if TYPE_CHECKING:
    from pathlib import Path

# uvicorn's set-up comes first, as in a server; Django's default handlers would come with it.
CODE = """
    import io, logging, logging.config
    import telemetry
    from uvicorn.config import LOGGING_CONFIG
    logging.config.dictConfig(LOGGING_CONFIG)
    from django.conf import settings
    from django.utils.log import configure_logging
    settings.configure()
    config = telemetry.logging_config(debug={debug})
    {change}
    configure_logging("logging.config.dictConfig", config)
    logging.getLogger("host").info("of the host")
    logging.getLogger("host").debug("too quiet")
    logging.getLogger("uvicorn.error").info("of the server")
    logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', "1", "GET", "/", "1.1", 200)
    logging.getLogger("uvicorn.error").info('%s - "WebSocket %s" 403', "1", "/?planted")
    logging.getLogger("gunicorn.access").info("of the other server")
    logging.getLogger("django.request").warning("Not Found: /wp-login.php")
    logging.getLogger("django.request").error("Internal Server Error: /")
"""


def _lines(tmp_path: Path, *, debug: bool = False, change: str = "", **env: str) -> list[str]:
    done = run_python(tmp_path, CODE.format(debug=debug, change=change), **env)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_every_record_is_one_line_on_standard_output(tmp_path: Path) -> None:
    """Servers' too, but for their access lines; a 404 is in ours."""
    lines = [json.loads(line) for line in _lines(tmp_path, SENTRY_RELEASE="v1.2.3")]
    assert [(line["logger"], line["message"]) for line in lines] == [
        ("host", "of the host"),
        ("uvicorn.error", "of the server"),
        ("django.request", "Internal Server Error: /"),
    ]
    assert {line["service.version"] for line in lines} == {"v1.2.3"}


def test_a_developer_reads_text(tmp_path: Path) -> None:
    """Unless told otherwise."""
    first, *_ = _lines(tmp_path, debug=True)
    assert first.split(" ", 1)[1] == "INFO host of the host"
    first, *_ = _lines(tmp_path, debug=True, LOG_FORMAT="json")
    assert json.loads(first)["message"] == "of the host"


def test_levels_of_single_loggers_win(tmp_path: Path) -> None:
    """Whoever names a logger wants to see it."""
    levels = "ERROR,host=DEBUG,uvicorn.access=INFO"
    messages = [json.loads(line)["message"] for line in _lines(tmp_path, LOGLEVEL=levels)]
    assert messages == [
        "of the host",
        "too quiet",
        '1 - "GET / HTTP/1.1" 200',
        "Internal Server Error: /",
    ]


@pytest.mark.parametrize(
    ("levels", "seen"),
    [
        ("", ["library", "access", "host"]),
        ("INFO,library=WARNING", ["access", "host"]),
        ("WARNING,telemetry.access=INFO", ["access"]),
    ],
)
def test_loggers_can_be_quieted_without_the_access_lines(
    tmp_path: Path, levels: str, seen: list[str]
) -> None:
    """One of them, or all; and Django's own setting that nothing is configured changes nothing."""
    code = """
        import logging, logging.config
        import telemetry
        from django.conf import settings
        settings.configure(LOGGING_CONFIG=None, LOGGING=telemetry.logging_config())
        logging.config.dictConfig(settings.LOGGING)
        import django
        django.setup()
        for name in ("library", "telemetry.access", "host"):
            logging.getLogger(name).info(name.rpartition(".")[2])
    """
    done = run_python(tmp_path, code, **({"LOGLEVEL": levels} if levels else {}))
    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line)["message"] for line in done.stdout.splitlines()] == seen


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_hosts_own_handlers_survive(tmp_path: Path, form: str) -> None:
    """Added to the dictionary, they get what they got."""
    change = (
        "config['handlers']['mine'] = {'class': 'logging.FileHandler', 'filename': 'mine.log'}; "
        "config['root']['handlers'].append('mine')"
    )
    assert len(_lines(tmp_path, change=change, LOG_FORMAT=form)) == 3
    assert (tmp_path / "mine.log").read_text().splitlines()[0] == "of the host"


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_commands_lines_are_apart_from_what_it_prints(tmp_path: Path, form: str) -> None:
    """`manage.py dumpdata > file` is a file of data."""
    code = """
        import logging, logging.config
        import telemetry
        telemetry.configure()
        telemetry.report_errors()
        logging.config.dictConfig(telemetry.logging_config())
        logging.getLogger("host").info("of the host")
        print("data")
    """
    done = run_python(tmp_path, code, LOG_FORMAT=form)
    assert done.stdout == "data\n"
    assert "of the host" in done.stderr


def test_lines_are_in_use_once_the_dictionary_is_applied(tmp_path: Path) -> None:
    """Also behind a buffer; not before it is applied, and not after another set-up."""
    done = run_python(
        tmp_path,
        """
        import logging, logging.config, logging.handlers
        import telemetry
        from telemetry.logs.config import lines_in_use
        config = telemetry.logging_config()
        made = lines_in_use()
        logging.config.dictConfig(config)
        applied = lines_in_use()
        root = logging.getLogger()
        buffer = logging.handlers.MemoryHandler(8, target=root.handlers[0])
        root.handlers[:] = [buffer]
        buffered = lines_in_use()
        logging.basicConfig(force=True)
        print(made, applied, buffered, lines_in_use())
        """,
    )
    assert (done.stdout, done.stderr) == ("False True True False\n", "")


def test_buffers_that_pass_on_to_each_other_are_looked_through_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A handler that is reached again does not hide the others, and is no endless search."""
    handler = logging.StreamHandler()
    one = logging.handlers.MemoryHandler(8, target=handler)
    other = logging.handlers.MemoryHandler(8, target=one)
    handler.target = other  # type: ignore[attr-defined]
    monkeypatch.setattr(logging.getLogger(), "handlers", [one, other])
    assert not lines_in_use()
    lines = logging.StreamHandler()
    lines.setFormatter(JSONFormatter(None))
    monkeypatch.setattr(logging.getLogger(), "handlers", [lines, one, other])
    assert lines_in_use()
