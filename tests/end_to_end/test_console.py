"""What a developer reads who only set DEBUG: one tree for each request, on standard error."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from telemetry.testing import OTLPReceiver
from tests.end_to_end.hosts import Host, Visitor, visitor
from tests.support.servers import Server, serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEBUG = {
    "DEBUG": "1",
    "TELEMETRY_RAISE_FAILURES": "1",
    # A busy machine makes queries slow, and a slow one is a line of its own.
    "TELEMETRY_FOLD_BELOW": "60s",
}
SECRETS = [("cookie", "ds_actor=planted-cookie"), ("authorization", "Bearer planted-bearer")]
ESCAPE = "\x1b"


@dataclass(frozen=True)
class Console:
    """A server and what it prints."""

    server: Server
    browser: Visitor
    site: str

    def lines_of(
        self, path: str, host: str = "localhost", headers: list[tuple[str, str]] | None = None
    ) -> list[str]:
        """Ask for a page and give the lines that this printed."""
        before = len(self.server.program.stderr())
        self.browser.get(path, host, headers or ())

        def printed() -> list[str]:
            return self.server.program.stderr()[before:].splitlines()

        # A tree is printed, in one piece, after the visitor has the page.
        self.server.program.wait_until(
            lambda: any(line.startswith("GET /") and " trace " in line for line in printed())
        )
        return printed()


@pytest.fixture(scope="module")
def console(host: Host) -> Iterator[Console]:
    env = {**host.env, **DEBUG}
    # Without uvicorn's access lines, standard output is the application's alone.
    args = ["--no-access-log"]
    with serve_uvicorn(env=env, args=args) as server, visitor(server) as browser:
        opened = Console(server, browser, host.site)
        # Opening a site prints trees of its own.
        opened.lines_of("/meetings", f"{host.site}.localhost")
        yield opened


def test_a_request_is_a_tree(console: Console) -> None:
    """Path, route, status, time and site, then what took the time, in few lines."""
    first, *rest = console.lines_of("/meetings/minutes", f"{console.site}.localhost")
    assert re.fullmatch(
        r"GET /meetings/minutes(?: \(/\{database\}/\{table\}\))? 200 \d+\.\d+ m?s "
        rf"{re.escape(console.site)} trace [0-9a-f]{{8,32}}…?",
        first,
    )
    assert rest
    assert len(rest) < 20
    assert re.match(r"    +\d+\.\d+ m?s  \d+ queries, longest \d+\.\d+ m?s: ", rest[0]), rest
    # Datasette asks the same of each column.
    assert any(re.match(r" +N\+1: \d+ alike: \S", line) for line in rest), rest
    assert all(re.match(r" +(\d+\.\d+ m?s[ !] |N\+1: \d+ alike: )", line) for line in rest), rest


def test_a_page_of_the_host_is_a_line(console: Console) -> None:
    """There is nothing below it; a path that is its own route is said once."""
    [line] = console.lines_of("/health/?left=out")
    assert re.fullmatch(r"GET /health/ 200 \d+\.\d+ m?s trace [0-9a-f]{32}", line)


def test_no_line_is_json(console: Console) -> None:
    """The SDK's own console exporter would print a page of it for each span."""
    console.lines_of("/meetings/minutes", f"{console.site}.localhost")
    lines = console.server.output().splitlines()
    assert [line for line in lines if line.strip().startswith(("{", "}", '"'))] == []


def test_a_pipe_gets_no_colour(console: Console) -> None:
    """And a visitor can't send any: what escapes or hides is made visible."""
    lines = console.lines_of("/meetings/%1b%5b31mred%0d%0a%e2%80%ae", f"{console.site}.localhost")
    assert lines[0].startswith("GET /meetings/")
    assert all(line.isprintable() for line in console.server.output().splitlines())


@pytest.mark.parametrize("on", ["site", "home"])
def test_a_missing_page_is_a_line_or_two(console: Console, on: str) -> None:
    """With rich installed, Datasette would print a hundred, on standard output."""
    logged = console.server.program.stdout()
    pytest.importorskip("rich")
    host = f"{console.site}.localhost" if on == "site" else "localhost"
    lines = console.lines_of("/meetings/nothing", host, SECRETS)
    assert len(lines) <= 3, lines
    assert sum(" trace " in line for line in lines) == 1
    assert "404" in lines[-1]
    assert "planted" not in console.server.output()
    assert console.server.program.stdout() == logged


def test_it_goes_to_standard_error_alone(console: Console) -> None:
    """Standard output is for what is logged; the access line says no more than the tree."""
    logged = console.server.program.stdout()
    console.lines_of("/health/")
    assert console.server.program.stdout() == logged
    assert "Application startup complete" in logged


@pytest.fixture
def terminal_python(tmp_path: Path) -> Path:
    """A Python whose three standard streams are a terminal, copied to where ours goes."""
    script, python = tmp_path / "terminal.py", tmp_path / "python"
    script.write_text(
        "import pty, signal, sys\n"
        # Under nohup the server would outlive its terminal.
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
        "pty.spawn([sys.executable, *sys.argv[1:]])\n"
    )
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
    python.chmod(0o755)
    return python


@pytest.mark.parametrize("no_color", [False, True], ids=["", "NO_COLOR"])
def test_a_terminal_gets_colour(host: Host, terminal_python: Path, no_color: bool) -> None:
    """Unless NO_COLOR is set."""
    # An empty one is an unset one, whatever the developer's shell says.
    env = {**host.env, **DEBUG, "NO_COLOR": "1" if no_color else ""}
    # uvicorn colours its own lines.
    args = ["--no-use-colors"]
    with (
        serve_uvicorn(env=env, args=args, python=terminal_python) as server,
        visitor(server) as browser,
    ):
        assert browser.get("/health/").status_code == 200
        server.program.wait_until(lambda: "trace " in server.output())
        assert "GET /health/" in server.output()
        assert (ESCAPE in server.output()) is not no_color


def test_a_token_in_the_shell_sends_nothing(host: Host, receiver: OTLPReceiver) -> None:
    """A developer's pages stay at home, and one line says how to send them."""
    token = {"LOGFIRE_TOKEN": "pylf_v1_us_planted", "LOGFIRE_BASE_URL": receiver.url}
    with serve_uvicorn(env={**host.env, **DEBUG, **token}) as server, visitor(server) as browser:
        assert browser.get("/health/").status_code == 200
        server.stop()
    assert receiver.requests == []
    [line] = [line for line in server.output().splitlines() if "LOGFIRE_TOKEN" in line]
    assert "nothing is sent" in line
    assert "OTEL_TRACES_EXPORTER" in line
    assert "planted" not in server.output()


def test_a_browser_is_told_where_the_time_went(host: Host) -> None:
    """As many queries as the trace has, folded or not; the home page's are not Datasette's."""
    with OTLPReceiver() as receiver:
        env = host.variables(receiver, **DEBUG)
        with serve_uvicorn(env=env) as server, visitor(server) as browser:
            answer = browser.get("/meetings/minutes", f"{host.site}.localhost")
            home = browser.get("/").headers["server-timing"]
            receiver.wait_for(lambda r: len([s for s in r.spans if s.kind == "SERVER"]) == 2)
    timing = answer.headers["server-timing"]
    found = re.fullmatch(
        r'sql;dur=([\d.]+);desc="(\d+) queries", template;dur=([\d.]+), total;dur=([\d.]+)', timing
    )
    assert found, timing
    sql, count, template, total = map(float, found.groups())
    assert sql > 0
    assert 0 < template < total
    trace_id = answer.headers["traceresponse"].split("-")[1]
    spans = [span for span in receiver.spans if span.trace_id == trace_id]
    [root] = [span for span in spans if "corkboard.queries.count" in span.attributes]
    own = sum(span.name == "db.query" for span in spans)
    folded = root.attributes["corkboard.queries.count"]
    assert isinstance(folded, int)
    assert count == folded + own
    assert re.fullmatch(r"template;dur=[\d.]+, total;dur=[\d.]+", home), home


def test_nobody_else_is_told(host: Host) -> None:
    """Without DEBUG, nothing is measured for it."""
    with OTLPReceiver() as receiver:
        env = host.variables(receiver)
        with serve_uvicorn(env=env) as server, visitor(server) as browser:
            answer = browser.get("/meetings/minutes", f"{host.site}.localhost")
    assert answer.status_code == 200
    assert "server-timing" not in answer.headers
