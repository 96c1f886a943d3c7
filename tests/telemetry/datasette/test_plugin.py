"""What Datasette's plugin logs of an error page, in a process of its own: Datasette is changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from telemetry.datasette import plugin
from telemetry.state import state
from tests.telemetry.scripts import run_python

if TYPE_CHECKING:
    from pathlib import Path

    from tests.telemetry.reported import Reported

CODE = """
    import asyncio, logging.config
    import telemetry
    from datasette import hookimpl
    from datasette.app import Datasette
    from datasette.plugins import pm
    from opentelemetry import context as context_api, trace
    from opentelemetry.context import Context
    from telemetry.datasette.instrumentor import DatasetteInstrumentor
    from telemetry.request import RequestRecord, attach_record
    from tests.telemetry.asgi.driving import visit

    if {lines}:
        logging.config.dictConfig(telemetry.logging_config(debug=False))

    class Plugin:
        @hookimpl
        def register_routes(self):
            return [("/-/broken$", broken)]

    async def broken(request):
        raise LookupError("lost")

    async def main():
        instrumentor = DatasetteInstrumentor()
        instrumentor.instrument()
        pm.register(Plugin())
        datasette = Datasette(memory=True)
        minutes = datasette.add_memory_database("minutes")
        await minutes.execute_write("create table pages (text text)")
        app = datasette.app()
        for path, query in (
            ("/-/broken", b"q=planted"),
            ("/minutes/pages.json", b"_facet=nope"),
            ("/minutes/nothing", b""),
        ):
            answer = await visit(app, path, query_string=query)
            print("answered", answer.status)
        record = RequestRecord("GET", trace.INVALID_SPAN)
        record.outcome = "disconnected"
        token = context_api.attach(attach_record(record, Context()))
        print("answered", (await visit(app, "/-/broken")).status)
        print("kept", repr(record.failure))
        context_api.detach(token)
        instrumentor.uninstrument()
        instrumentor.uninstrument()
        print("answered", (await visit(app, "/-/broken")).status)

    asyncio.run(main())
"""


def _run(folder: Path, lines: bool) -> tuple[list[dict[str, Any]], list[str], str]:
    """The log lines, what the code prints otherwise, and the standard error."""
    done = run_python(folder, CODE.format(lines=lines))
    assert done.returncode == 0, done.stderr
    printed = done.stdout.splitlines()
    logged = [json.loads(line) for line in printed if line.startswith("{")]
    return logged, [line for line in printed if not line.startswith("{")], done.stderr


ANSWERS = [
    *("answered 500", "answered 500", "answered 404"),
    *("answered 500", "kept LookupError('lost')", "answered 500"),
]


def test_an_error_page_is_one_log_line(tmp_path: Path) -> None:
    """A query of the visitor's is a warning; a client that is gone has none, nor has a 404."""
    logged, said, printed = _run(tmp_path, lines=True)
    assert said == ANSWERS
    found = [(line["level"], line["message"]) for line in logged if line["logger"] == "datasette"]
    assert found == [
        ("ERROR", "Internal Server Error: /-/broken"),
        ("WARNING", "Query failed: /minutes/pages.json: no such column: nope"),
    ]
    [broken] = [line for line in logged if line["level"] == "ERROR"]
    assert broken["exception.type"] == "LookupError"
    assert "planted" not in json.dumps(logged)
    # Datasette would print the traceback as well.
    assert "Traceback" not in printed


def test_where_the_lines_are_the_hosts_own_datasette_prints_as_before(tmp_path: Path) -> None:
    """Nothing is logged for it; the failure is known to the edge all the same."""
    logged, said, printed = _run(tmp_path, lines=False)
    assert said == ANSWERS
    assert logged == []
    assert printed.count("LookupError: lost") == 3


class OddError(Exception):
    """An exception whose status can't be read."""

    @property
    def status(self) -> int:
        raise RuntimeError("no status")


@pytest.mark.usefixtures("reported")
def test_an_exception_that_can_not_be_read_fails_no_page(reported: Reported) -> None:
    """It is counted, and Datasette's own handler goes on."""
    before = state.failures["datasette.exception_hook"]
    assert plugin.handle_exception(request=None, exception=OddError()) is None
    assert state.failures["datasette.exception_hook"] == before + 1
    assert reported.errors == []
