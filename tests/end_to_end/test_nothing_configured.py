"""With nothing configured there is a host, and no telemetry: not a module, not a thread."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.hosts import Host, visitor
from tests.support.host import host_environment
from tests.support.servers import serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.testing import OTLPReceiver

APP = "tests.end_to_end.inspected_host:application"
ABSENT = ("opentelemetry.sdk", "opentelemetry.proto", "logfire", "sentry_sdk", "grpc")
THREADS = ("Otel", "telemetry")


def inspect(host: Host, env: Mapping[str, str]) -> tuple[set[str], list[str], str]:
    """Serve both sides; give the modules of ABSENT that are loaded, the threads and the output."""
    # A new interpreter, which has imported nothing.
    with serve_uvicorn(APP, env=env, python=Path(sys.executable)) as server:
        with visitor(server) as browser:
            site = f"{host.site}.localhost"
            assert browser.get("/").status_code == 200
            assert browser.get("/meetings/minutes", site).status_code == 200
            assert browser.get("/meetings/nothing", site).status_code == 404
            found = browser.get("/_inspect").json()
        server.stop()
    assert {"django", "datasette", "pydantic"} <= set(found["modules"])
    loaded = {
        name
        for name in ABSENT
        if any(module == name or module.startswith(f"{name}.") for module in found["modules"])
    }
    return loaded, found["threads"], server.output()


@pytest.mark.parametrize(
    "variables",
    [
        {},
        dict.fromkeys(["OTEL_EXPORTER_OTLP_ENDPOINT", "LOGFIRE_TOKEN", "SENTRY_DSN"], ""),
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_SERVICE_NAME": "named"},
    ],
    ids=["unset", "blank", "none"],
)
def test_nothing_is_loaded_and_nothing_runs(host: Host, variables: dict[str, str]) -> None:
    """Neither by us nor by pydantic, whose plugin would load all of logfire."""
    loaded, threads, printed = inspect(host, {**host.env, **variables})
    assert loaded == set()
    assert [name for name in threads if name.startswith(THREADS)] == []
    lines = [json.loads(line) for line in printed.splitlines()]
    assert [line for line in lines if line["logger"] == "telemetry"] == []
    # Log lines are the host's, whether or not anything is sent: one for each request.
    access_lines = [line for line in lines if line["logger"] == "telemetry.access"]
    assert [(line["http.response.status_code"], line["trace_kept"]) for line in access_lines] == [
        (200, False),
        (200, False),
        (404, False),
    ]
    assert [line.get("corkboard.site") for line in access_lines] == [None, host.site, host.site]
    assert [line["http.route"] for line in access_lines[:2]] == ["/", "/{database}/{table}"]
    assert len({line["trace_id"] for line in access_lines}) == len(access_lines)


def test_a_configured_host_loads_and_starts_what_it_needs(
    host: Host, receiver: OTLPReceiver
) -> None:
    """What the test above looks for is there to be found, and no more of it than is used."""
    loaded, threads, _ = inspect(host, host.variables(receiver))
    assert loaded == {"opentelemetry.sdk", "opentelemetry.proto"}
    assert [name for name in threads if name.startswith(THREADS)] != []


def test_the_garbage_collector_passes_over_what_start_up_has_made(
    host: Host, receiver: OTLPReceiver
) -> None:
    """The host's part and that of telemetry, which starts with the server."""
    env = host.variables(receiver)
    # In a new interpreter: a fork has what its parent has frozen.
    new = serve_uvicorn(APP, env=env, python=Path(sys.executable))
    with new as server, visitor(server) as browser:
        found = browser.get("/_inspect").json()
    made = {"django", "config.sites.router", "opentelemetry.sdk.trace", "telemetry.pipeline"}
    assert made <= set(found["modules"])
    assert made.isdisjoint(found["collected"])


def test_the_developers_own_settings_reach_no_server(
    host: Host, receiver: OTLPReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever runs this suite with a real token in the shell sends nothing anywhere."""
    theirs = {
        "LOGFIRE_TOKEN": "pylf_v1_us_planted",
        "LOGFIRE_BASE_URL": receiver.url,
        "LOGFIRE_SEND_TO_LOGFIRE": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_TRACES_EXPORTER": "otlp,logfire",
        "SENTRY_DSN": receiver.url.replace("//", "//key@") + "/1",
    }
    for name, value in theirs.items():
        monkeypatch.setenv(name, value)
    cleaned = host_environment(Path(host.env["SITES_DIR"]).parent)
    loaded, _, _ = inspect(host, cleaned)
    assert (loaded, receiver.requests) == (set(), [])
    # And had they not been cleaned away, they would have.
    inspect(host, {**cleaned, **theirs})
    assert receiver.requests != []
