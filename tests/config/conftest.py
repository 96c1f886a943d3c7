from collections.abc import Iterator

import pytest

from tests.config.sites.support import make_database
from tests.support.host import add_sites, migrated_host
from tests.support.servers import Server, serve_uvicorn


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A migrated host with one site that has data and one that has none."""
    folder = tmp_path_factory.mktemp("host")
    env = migrated_host(folder)
    sites = [("alameda.ca", "Alameda", "CA", None), ("empty.or", "Zion", "OR", None)]
    add_sites(env, sites)
    make_database(folder / "sites" / "alameda.ca" / "meetings.db")
    return env


@pytest.fixture(scope="module")
def server(host: dict[str, str]) -> Iterator[Server]:
    """That host, served by uvicorn."""
    with serve_uvicorn(env=host) as server:
        yield server
