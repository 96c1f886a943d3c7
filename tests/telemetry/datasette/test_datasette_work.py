"""What Datasette does after the request that caused it, and what it measures."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.telemetry.datasette.recorded import Recorded


def test_a_write_that_nobody_waits_for_is_linked(recorded: Recorded) -> None:
    """A root with a link to the request, and the site of that."""
    detached = recorded["detached_write"]
    writes = [span for span in detached.named("db.write") if span.links]
    assert {span.name for span in writes} == {"db.write.queue_wait", "db.write.execute"}
    for write in writes:
        assert write.parent == ""
        assert write.trace != detached.server.trace
        assert write.links == [detached.server.trace]
        assert write.attributes["corkboard.site"] == detached.server.attributes["corkboard.site"]


def test_a_background_task_is_not_the_visitor_s(recorded: Recorded) -> None:
    """Whoever came first would otherwise have a trace that never ends."""
    background = recorded["background"]
    [visit] = [span for span in background.spans if span.trace == background.server.trace]
    assert visit is not None
    later = [span for span in background.spans if span.trace != background.server.trace]
    roots = [span for span in later if not span.parent]
    assert {span.name for span in roots} == {
        "db.query",
        "datasette.client GET /{database}/{table}",
    }
    assert {tuple(span.links) for span in roots} == {(background.server.trace,)}
    assert all("corkboard.site" not in span.attributes for span in later)
    assert len({span.trace for span in later}) == 2, "what is within a task's own span stays there"
    assert background.requests == 1


def test_datasette_s_histograms_name_the_site(recorded: Recorded) -> None:
    """Or every site's `minutes` would be one series; work without a request names none."""
    points = [point for point in recorded.points if point.name == "db.client.operation.duration"]
    assert {point.attributes.get("corkboard.site") for point in points} == {
        None,
        "alameda.ca",
        "berkeley.ca",
        "other",
    }
    assert {point.attributes["db.system.name"] for point in points} == {"sqlite"}
    assert all("db.system" not in point.attributes for point in points)
    waits = [point for point in recorded.points if point.name == "datasette.write.queue_wait"]
    assert waits


def test_the_sites_on_metrics_are_bounded(recorded: Recorded) -> None:
    """The limit is 2 here: the third and fourth share `other`, the first keeps its name."""
    reads: Counter[str | None] = Counter()
    for point in recorded.points:
        if (
            point.name == "db.client.operation.duration"
            and point.attributes["db.namespace"] == "minutes"
            and point.attributes["datasette.operation"] == "read"
        ):
            # Those that failed are counted too: on a busy machine Datasette's time limits cut off
            # one or another.
            reads[point.attributes.get("corkboard.site")] += point.count
    assert reads["other"] == 2 * reads["berkeley.ca"]
    assert reads["alameda.ca"] > reads["other"]


def test_datasette_s_own_metrics_keep_their_names(recorded: Recorded) -> None:
    """Its gauges too, which are sums."""
    assert {point.name for point in recorded.points if point.scope == "datasette"} == {
        "db.client.operation.duration",
        "datasette.write.queue_wait",
        "datasette.sql.threads.limit",
        "datasette.sql.threads.queue_depth",
        "datasette.sql.queries.pending",
        "datasette.write.queue_depth",
        "datasette.connections.open",
    }
