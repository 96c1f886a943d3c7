from collections.abc import Iterator

import pytest

from tests.config.sites.support import make_database
from tests.support.host import host_environment, manage
from tests.support.servers import Server, serve_uvicorn


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A migrated host with one site that has data and one that has none."""
    folder = tmp_path_factory.mktemp("host")
    env = host_environment(folder)
    manage("migrate", "--verbosity=0", env=env)
    manage("register_site", "alameda.ca", "--name", "Alameda", "--state", "CA", env=env)
    manage("register_site", "empty.or", "--name", "Zion", "--state", "OR", env=env)
    make_database(folder / "sites" / "alameda.ca" / "meetings.db")
    return env


@pytest.fixture(scope="module")
def server(host: dict[str, str]) -> Iterator[Server]:
    """That host, served by uvicorn."""
    with serve_uvicorn(env=host) as server:
        yield server
