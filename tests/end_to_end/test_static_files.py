"""Static files and favicons of both sides: served, counted, and in no trace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from telemetry.testing import OTLPReceiver
from tests.end_to_end.hosts import last_points, visitor
from tests.support.servers import serve_gunicorn

if TYPE_CHECKING:
    from tests.end_to_end.hosts import Host


def test_static_files_are_counted_and_not_traced(host: Host) -> None:
    """Under gunicorn, from a checkout: Django's by whitenoise, a site's by its Datasette."""
    site = f"{host.site}.localhost"
    # Of immutable databases Datasette counts the rows when it starts.
    (Path(host.env["SITES_DIR"]) / host.site / "meetings.db").chmod(0o444)
    files = [
        ("localhost", "/static/admin/css/base.css", "text/css"),
        ("localhost", "/favicon.ico", "image/svg+xml"),
        (site, "/-/static/app.css", "text/css"),
        (site, "/favicon.ico", "image/png"),
    ]
    with OTLPReceiver() as receiver:
        env = host.variables(receiver)
        with serve_gunicorn(env=env, workers=1) as server, visitor(server) as browser:
            for name, path, kind in files:
                answer = browser.get(path, name)
                assert answer.status_code == 200, path
                assert answer.headers["content-type"].startswith(kind)
            # So that there is something to trace.
            assert browser.get("/health/").status_code == 200
            server.stop()
        points = last_points(receiver, "http.server.request.duration")
        active = last_points(receiver, "http.server.active_requests")
        roots = [span.name for span in receiver.spans if not span.parent_span_id]

    assert sum(point.count or 0 for point in points) == len(files) + 1
    assert {point.value for point in active} == {0}
    # A site's start-up belongs to no request, and all of it is one trace.
    assert sorted(set(roots)) == ["GET /health/", "datasette.startup"]
