"""A run of the program under one release of Datasette, and what arrived of it."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telemetry.testing import EventReceiver, OTLPReceiver
from tests.support.environment import clean_environment
from tests.support.venvs import host_python
from tests.telemetry.datasette.releases.table import NEWEST, RELEASES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.testing import ReceivedSpan

PROGRAM = Path(__file__).with_name("program.py")
SITE = "minutes"
UNROUTED = "/a/b/c/d/e"
FOLDED = {"TELEMETRY_FOLD_BELOW": "60s"}
# Datasette's threads, queues and connections: only Datasette itself can look at them.
GAUGES = {
    *("datasette.sql.threads.limit", "datasette.sql.threads.queue_depth"),
    *("datasette.sql.queries.pending", "datasette.write.queue_depth"),
    "datasette.connections.open",
}
# An iterator does not tell how many sets of parameters it has.
UNKNOWN = {"datasette.param_sets"}


def python_with(release: str) -> Path:
    """The Python of an environment with that release of Datasette, and this package."""
    return host_python(RELEASES[release])


class Run:
    """The program's answers and output, and what arrived."""

    def __init__(
        self,
        release: str,
        *,
        threads: int = 3,
        without: str = "",
        asked: str = "all",
        **variables: str,
    ) -> None:
        python = python_with(release)
        with (
            tempfile.TemporaryDirectory() as folder,
            OTLPReceiver() as self.receiver,
            EventReceiver() as self.errors,
        ):
            env = clean_environment(
                OTEL_EXPORTER_OTLP_ENDPOINT=self.receiver.url,
                OTEL_PYTHON_DJANGO_INSTRUMENT="False",
                OTEL_BSP_MAX_QUEUE_SIZE="100000",
                SENTRY_DSN=self.errors.dsn,
                TELEMETRY_FOLD_BELOW="0ms",
                TELEMETRY_RAISE_FAILURES="1",
                TELEMETRY_SHUTDOWN_TIMEOUT="60s",
            )
            done = subprocess.run(
                [str(python), str(PROGRAM), folder, str(threads), without, asked],
                env=env | variables,
                capture_output=True,
                text=True,
                timeout=300,
            )
        assert done.returncode == 0, done.stderr
        self.release = release
        self.output = done.stderr
        printed = json.loads(done.stdout)
        assert printed["undelivered"] == 0
        self.answers: dict[str, int] = printed["answers"]
        self.own = bool(printed["own"])
        self._spans = {span.span_id: span for span in self.receiver.spans}
        self._below: dict[str, list[ReceivedSpan]] = defaultdict(list)
        for span in self.receiver.spans:
            self._below[span.parent_span_id].append(span)

    def requests(self) -> dict[str, ReceivedSpan]:
        """The one SERVER span of each request, by its address."""
        spans = [span for span in self.receiver.spans if span.kind == "SERVER"]
        assert len(spans) == len(self.answers)
        return dict(zip(self.answers, sorted(spans, key=lambda span: span.start_ns), strict=True))

    def below(self, span: ReceivedSpan) -> list[ReceivedSpan]:
        """The spans whose parent it is."""
        return self._below[span.span_id]

    def ways(self) -> dict[str, Any]:
        """The spans of each way to query, by its name."""
        return {
            address.removeprefix("/-/ways/"): self.tree(span)
            for address, span in self.requests().items()
            if address.startswith("/-/ways/")
        }

    def tree(self, span: ReceivedSpan) -> Any:
        """A span as it looks, and those below, without queries of Datasette's own database."""
        attributes = {
            key: value
            for key, value in span.attributes.items()
            if not key.startswith(("corkboard.queries", "corkboard.error")) and key not in UNKNOWN
        }
        below = (
            self.tree(each)
            for each in self.below(span)
            if each.attributes.get("db.namespace", SITE) == SITE
        )
        return (
            *(span.name, span.kind, span.scope, span.status),
            [(event.name, event.attributes.get("exception.type")) for event in span.events],
            [self._spans[link.span_id].name for link in span.links],
            attributes,
            # Queries at the same time start in any order.
            sorted(below, key=repr),
        )

    def background_writes(self) -> list[Any]:
        """The spans of writes that no caller waited for: roots."""
        roots = self._below[""]
        return sorted((self.tree(span) for span in roots if span.links), key=repr)

    def points(self) -> dict[str, set[Any]]:
        """By metric of Datasette's, the sets of attributes of the site's database."""
        found: dict[str, set[Any]] = defaultdict(set)
        for point in self.receiver.metrics:
            if point.name.startswith(("db.", "datasette.")):
                known: Mapping[str, Any] = point.attributes
                if known.get("db.namespace", SITE) == SITE:
                    found[point.name].add(tuple(sorted(known.items())))
        return dict(found)


@cache
def version_of(release: str) -> str:
    """The version that is installed under that name."""
    code = "import importlib.metadata; print(importlib.metadata.version('datasette'))"
    command = [str(python_with(release)), "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@cache
def run_of(release: str, *, threads: int = 3, folded: bool = False) -> Run:
    """The run of a release, made once."""
    if release == "newest" and version_of("newest") == NEWEST:
        return run_of(NEWEST, threads=threads, folded=folded)
    if folded:
        return Run(release, threads=threads, asked="few", **FOLDED)
    return Run(release, threads=threads, asked="all" if threads else "ways")


def recorded(release: str) -> dict[str, str]:
    """What is recorded under a release: a column of the guide's table."""
    run, folded = run_of(release), run_of(release, folded=True)
    requests = run.requests()
    served = [span for address, span in requests.items() if address != UNROUTED]
    events = [event for event in run.errors.events if event.tags.get("caught.by") == "datasette"]
    failed = run.below(requests["/-/ways/failing"])
    durations = run.points().get("db.client.operation.duration", set())
    statistics = folded.requests()["/-/ways/several"].attributes
    calls = run.below(requests["/-/calling"])
    rows = {
        "Site and readable route on spans, metrics and error events": all(
            span.attributes.get("corkboard.site") == SITE and "http.route" in span.attributes
            for span in served
        )
        and all({"corkboard.site", "http.route"} <= event.tags.keys() for event in events),
        "Query statistics on the request's span": statistics.get("corkboard.queries.count") == 3,
        "Span for a query that is slow or fails": [
            (span.name, span.status)
            for span in failed
            if span.attributes.get("db.namespace") == SITE
        ]
        == [("db.query", "ERROR")],
        "`db.client.operation.duration` by site and database": any(
            {("corkboard.site", SITE), ("db.namespace", SITE)} <= set(point) for point in durations
        ),
        "Child span for a `datasette.client` call": [
            span.name for span in calls if span.name.startswith("datasette.client")
        ]
        == ["datasette.client GET /{database}/{table}/{pks}"] * 2,
        "Error event with its stack for a page that fails": "LookupError"
        in {event.exceptions[-1][0] for event in events},
        "Metrics of query threads, queues and connections": run.points().keys() >= GAUGES,
    }
    return {what: "yes" if is_there else "no" for what, is_there in rows.items()}
