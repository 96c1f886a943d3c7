from collections.abc import Iterator

import pytest
from datasette.plugins import pm

import telemetry
from tests.config.sites.datasettes.plugins import Rows, Watcher


@pytest.fixture(autouse=True)
def _quiet() -> None:
    """As the host does: pytest would print pages of local variables for each 400."""
    telemetry.quiet_datasette_errors()


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    """A plugin that notes which instances start and stop."""
    watcher = Watcher()
    pm.register(watcher)
    yield watcher
    pm.unregister(watcher)


@pytest.fixture
def rows_route() -> Iterator[None]:
    """A plugin's page that is streamed."""
    plugin = Rows()
    pm.register(plugin)
    yield
    pm.unregister(plugin)
