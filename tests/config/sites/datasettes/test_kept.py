from pathlib import Path

import pytest

from tests.config.sites.datasettes.support import ALAMEDA, put
from tests.telemetry.scripts import run_python

CODE = """
    import asyncio
    from pathlib import Path
    import datasette.app
    from tests.config.sites.datasettes.support import ALAMEDA, open_pool
    from tests.telemetry.removed_names.renaming import rename

    if {renamed}:
        rename("datasette.database", "Database.cached_hash")

    async def visit():
        async with open_pool(Path("sites")) as pool:
            print(await pool.text(ALAMEDA))
            print(await pool.text(ALAMEDA))

    asyncio.run(visit())
"""


@pytest.mark.parametrize("renamed", [False, True])
def test_a_site_starts_without_a_private_name_of_datasettes(tmp_path: Path, renamed: bool) -> None:
    """With one warning, and as it does otherwise."""
    put(tmp_path / "sites", ALAMEDA, "minutes").chmod(0o444)
    done = run_python(tmp_path, CODE.format(renamed=renamed))
    assert (done.returncode, done.stdout) == (0, "minutes\nminutes\n"), done.stderr
    missing = "has no usable datasette.database.Database.cached_hash, which is used to start"
    assert done.stderr.count(missing) == (1 if renamed else 0)
    assert len(done.stderr.splitlines()) == (1 if renamed else 0)
