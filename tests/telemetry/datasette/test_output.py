"""What Datasette prints by itself, in a process of its own: it is changed for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.telemetry.scripts import run_python

if TYPE_CHECKING:
    from pathlib import Path

CODE = """
    import asyncio, logging, sqlite3, sys
    from datasette.app import Datasette
    import datasette.database
    from telemetry.datasette.output import quiet_datasette_statements
    if {quiet}:
        quiet_datasette_statements()
        quiet_datasette_statements()
    logging.basicConfig(stream=sys.stdout, format="%(name)s %(levelname)s %(message)s")

    def fail(connection):
        raise LookupError("no minutes")

    async def main():
        database = Datasette(memory=True).add_memory_database("minutes")
        for call in (
            database.execute("select nothing, 'planted'", {{"p": "planted"}}),
            database.execute_write_fn(fail),
        ):
            try:
                await call
            except (sqlite3.OperationalError, LookupError):
                pass

    asyncio.run(main())
    sys.stderr.write("by others")
    assert datasette.database.sys.version == sys.version
"""


@pytest.mark.parametrize("quiet", [True, False])
def test_datasette_prints_no_statement(tmp_path: Path, quiet: bool) -> None:
    """Nor its parameters; what it says of a write is logged, and others print as before."""
    done = run_python(tmp_path, CODE.format(quiet=quiet))
    assert done.returncode == 0, done.stderr
    if quiet:
        assert done.stderr == "by others"
        assert done.stdout == "datasette WARNING no minutes\n"
    else:
        assert done.stderr.count("planted") == 2
        assert "no minutes" in done.stderr
