"""Two releases side by side: no visitor notices the switch, and every signal says which it was."""

from __future__ import annotations

import json
import threading
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from telemetry.testing import EventReceiver, OTLPReceiver
from tests.deploy.colours import Colour, ask, serve_proxy
from tests.deploy.conftest import RELEASE
from tests.support.container import Volumes
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from tests.support.dockerfile import Build, Image

pytestmark = [pytest.mark.deployment, pytest.mark.timeout(1800)]

NEXT = "f" * 40
BROKEN = "broken.ca"
VISITORS = 4


@pytest.fixture(scope="module")
def newer(build: Build, image: Image) -> Image:
    """The same, with the release after."""
    return build.run_again(image, {"RELEASE_SHA": NEXT})


@pytest.fixture
def colours(image: Image, newer: Image, tmp_path: Path) -> tuple[Colour, Colour]:
    """Both on one database and one folder of sites, of which one is broken."""
    volumes = Volumes.in_folder(tmp_path, image)
    site = volumes.data / "sites" / BROKEN
    site.mkdir()
    (site / "meetings.db").write_bytes(b"not a database " * 100)
    return Colour(image, volumes), Colour(newer, volumes)


def fire(proxy: httpx.Client, seen: Counter[int | str], over: threading.Event) -> None:
    """Ask until it is over."""
    while not over.is_set():
        try:
            seen[ask(proxy, "/").status_code] += 1
        except Exception as error:
            seen[repr(error)] += 1


def test_no_visitor_notices_the_switch(colours: tuple[Colour, Colour], tmp_path: Path) -> None:
    """There and back, under fire, by the order in which deploy/switch.sh does it."""
    blue, green = colours
    seen: Counter[int | str] = Counter()
    over = threading.Event()
    with ExitStack() as stack:
        proxy = stack.enter_context(serve_proxy(tmp_path, blue, green))
        serving = stack.enter_context(blue.serve())
        wait_until(lambda: ask(proxy, "/").status_code == 200)
        visitors = [
            threading.Thread(target=fire, args=(proxy, seen, over)) for _ in range(VISITORS)
        ]
        for visitor in visitors:
            visitor.start()
        for colour in (green, blue):
            replacement = stack.enter_context(colour.serve())
            assert serving.stop() == 0
            before = seen.total()
            wait_until(lambda: seen.total() > before)  # noqa: B023 - waited for here
            serving = replacement
        over.set()
        for visitor in visitors:
            visitor.join()
    assert set(seen) == {200}, seen
    assert seen.total() > 100


def releases(lines: str) -> Iterator[str]:
    """Of a container's log."""
    for line in lines.splitlines():
        yield json.loads(line)["service.version"]


def test_two_releases_are_told_apart(colours: tuple[Colour, Colour]) -> None:
    """In spans, metrics, log records, log lines and error events."""
    with OTLPReceiver() as receiver, EventReceiver() as errors:
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            "SENTRY_DSN": errors.dsn,
            "WEB_CONCURRENCY": "1",
        }
        blue, green = colours
        with blue.serve(variables) as older, green.serve(variables) as newer:
            register = ["register_site", BROKEN, "--name", "X", "--state", "CA"]
            registered = blue.run(variables, "python3", "manage.py", *register)
            assert registered.returncode == 0, registered.stderr
            for _ in range(2):
                assert blue.get("/").status_code == 200
            assert green.get("/").status_code == 200
            for colour in colours:
                assert colour.get("/", f"{BROKEN}.civic.band").status_code == 503
            assert older.stop() == newer.stop() == 0
        errors.wait_for(lambda e: len(e.events) >= 2)
    pages = Counter(
        span.resource["service.version"]
        for span in receiver.spans
        if span.attributes.get("http.route") == "/"
        and span.kind == "SERVER"
        and span.attributes["http.response.status_code"] == 200
    )
    assert pages == {RELEASE: 2, NEXT: 1}
    both = {RELEASE, NEXT}
    assert {point.resource["service.version"] for point in receiver.metrics} == both
    assert {log.resource["service.version"] for log in receiver.logs} == both
    assert {event.release for event in errors.events} == both
    assert set(releases(older.program.stdout())) == {RELEASE}
    assert set(releases(newer.program.stdout())) == {NEXT}
