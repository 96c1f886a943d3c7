"""Fixtures only; what they use is in `tests.support`."""

from __future__ import annotations

import gc
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from telemetry.testing import OTLPReceiver
from tests.support.environment import is_ours
from tests.support.host import copy_host, host_template
from tests.support.locks import first_alone
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

# At import, since that is before a worker compiles the first test.
_COMPILED = (Path(__file__).parent / "telemetry" / "__pycache__").exists()

# Where tests start servers and programs, most of which take a second and more. First come the
# modules that take the longest: as measured, 10 to 20 seconds of a processor each.
_LONG = tuple(
    f"tests/{folder}"
    for folder in (
        *("end_to_end/test_private", "end_to_end/test_strangers", "end_to_end/test_log_lines"),
        *("differential/", "telemetry/datasette/releases/", "end_to_end/test_stopping"),
        *("telemetry/test_private_api", "end_to_end/test_errors_", "config/test_commands"),
        *("end_to_end/test_swapping", "end_to_end/test_failures", "documents/"),
        *("telemetry/commands/check/", "end_to_end/", "telemetry/redaction/test_cost"),
        *("telemetry/errors/sentry/test_host_client", "config/test_", "telemetry/test_"),
        *("api/", "conformance/", "upgrade/", "upstream/", "test_"),
    )
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make soak` runs some tests for as long as their issue asks."""
    parser.addoption("--soak", action="store_true", help="a minute where the suite takes seconds")


def pytest_configure(config: pytest.Config) -> None:
    """A shell has what it runs in the background ignore Ctrl-C, and servers would inherit that.

    What is made up is the same each time, so that a failure is somebody's own; in a soak it is new.
    """
    soak = bool(config.getoption("--soak"))
    hypothesis.settings.register_profile(
        "corkboard",
        max_examples=3000 if soak else 150,
        derandomize=not soak,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    hypothesis.settings.load_profile("corkboard")
    # A user's tests have ten seconds for an arrival; ours may share a machine with anything.
    function: Any = OTLPReceiver.wait_for
    function.__defaults__ = (PATIENCE,)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """In a fresh clone, let one worker import all tests before the others do.

    The first import compiles them and the packages that they need, and takes three times as long.
    Workers that start together would each compile a part of what another one compiles, too.
    """
    # What collecting creates stays; looking through it again and again took a tenth of the time.
    gc.disable()
    # A pytest that a test starts inherits the worker's environment, and is none.
    if not hasattr(session.config, "workerinput") or _COMPILED:
        return (yield)
    with first_alone(Path(session.config.option.basetemp).parent / "collection.lock"):
        return (yield)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the workers of a run begin with what takes long, each with its share of the modules.

    The first of so many workers as there are gets the first tests, and so on; one that has no more
    takes the last ones of another. In the order of files, the servers' tests were the last of two
    workers, and at the end the others waited for them.
    """
    share = -(-len(items) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
    long: dict[tuple[int, Path], list[pytest.Item]] = {}
    short: list[pytest.Item] = []
    for item in items:
        rank = next((n for n, start in enumerate(_LONG) if item.nodeid.startswith(start)), None)
        (short if rank is None else long.setdefault((rank, item.path), [])).append(item)
    shares: list[list[pytest.Item]] = [[] for _ in range(0, len(items), share)]
    for number, module in enumerate(sorted(long)):
        shares[number % len(shares)] += long[module]
    short.reverse()
    items.clear()
    for each in shares:
        while short and len(each) < share:
            each.append(short.pop())
        items += each
    items += reversed(short)


def pytest_collection_finish() -> None:
    """Exclude what collecting created from garbage collection: an eighth of the workers' CPU."""
    gc.enable()
    gc.collect()
    gc.freeze()


@pytest.fixture
def soak(request: pytest.FixtureRequest) -> bool:
    """Whether to take the time that would find what is rare."""
    return bool(request.config.getoption("--soak"))


@pytest.fixture(scope="session", autouse=True)
def _no_inherited_configuration() -> Iterator[None]:
    """A developer's own token or endpoint must never receive what tests send."""
    removed = {name: os.environ.pop(name) for name in list(os.environ) if is_ours(name)}
    # mypy's and pytest's Django plugins are not in play: tests that need
    # Django run the host in a subprocess or set the module themselves.
    yield
    os.environ.update(removed)


@pytest.fixture
def receiver() -> Iterator[OTLPReceiver]:
    """An OTLP/HTTP receiver of the test's own."""
    with OTLPReceiver() as listening:
        yield listening


@pytest.fixture(scope="session")
def _host_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The prepared host, built by the first worker that asks for it."""
    base = tmp_path_factory.getbasetemp()
    # Under xdist the base is one folder a worker, inside one that all share.
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    return host_template(shared)


@pytest.fixture
def host_env(_host_template: Path, tmp_path: Path) -> dict[str, str]:
    """A clean environment with a migrated database and real sites, all the test's own."""
    return copy_host(_host_template, tmp_path / "host")
