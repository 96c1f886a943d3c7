"""The same requests through contrib's instrumentations and ours.

What differs is exactly what `telemetry.registry.omissions` lists: a difference
that is not there fails, and so does one that is there and no longer occurs.
"""

from __future__ import annotations

import json
from typing import Any

from telemetry.registry import omissions
from tests.conformance.emit import REQUESTS


def _server(spans: list[dict[str, Any]]) -> dict[str, Any]:
    [server] = (span for span in spans if span["kind"] == "SERVER")
    return server


def _everything(spans: list[dict[str, Any]]) -> dict[str, Any]:
    """All that any span of a request says; where two disagree, the SERVER span is right."""
    inner = {key: value for span in spans for key, value in span["attributes"].items()}
    return {**inner, **_server(spans)["attributes"]}


def test_every_request_is_one_span(ours: dict[str, Any]) -> None:
    """Of the kind that contrib's outermost has."""
    assert {name: [span["kind"] for span in spans] for name, spans in ours["spans"].items()} == {
        name: ["SERVER"] for name in REQUESTS
    }


def test_attributes_are_contrib_s_but_for_what_is_listed(
    contrib: dict[str, Any], ours: dict[str, Any]
) -> None:
    """On every request; values too."""
    left_out, different = set(), set()
    for name in REQUESTS:
        theirs, mine = _everything(contrib["spans"][name]), _everything(ours["spans"][name])
        left_out |= theirs.keys() - mine.keys() - {"server.port"}
        different |= {key for key in mine if key not in theirs or mine[key] != theirs[key]}
        if mine.get("server.port") != theirs["server.port"]:
            different.add("server.port")
    assert left_out == set(omissions.SPAN_ATTRIBUTES)
    assert different == set(omissions.SPAN_DIFFERENCES)


def test_what_is_the_same_is_there_at_all(ours: dict[str, Any]) -> None:
    """Two that send nothing would agree too."""
    keys = {key for spans in ours["spans"].values() for key in spans[0]["attributes"]}
    assert keys >= {
        "http.request.method",
        "http.request.method_original",
        "http.response.status_code",
        "url.path",
        "url.scheme",
        "network.protocol.version",
        "user_agent.synthetic.type",
        "http.request.header.x_asked",
        "http.request.header.authorization",
        "http.response.header.x_page",
        "http.response.header.set_cookie",
    }
    assert "planted" not in json.dumps(ours)


def test_the_status_is_contrib_s(contrib: dict[str, Any], ours: dict[str, Any]) -> None:
    """ERROR for 5xx and for nothing else."""
    statuses = [
        {name: _server(spans)["status"] for name, spans in emitted["spans"].items()}
        for emitted in (contrib, ours)
    ]
    assert statuses[0] == statuses[1]
    assert {name for name, status in statuses[1].items() if status == "ERROR"} == {
        "broken",
        "a form that fails",
        "unavailable",
    }


def test_the_spans_that_are_not_made_are_listed(contrib: dict[str, Any]) -> None:
    """Contrib's others, each of a listed sort: by the word at the end of its name, or its kind."""
    seen = set()
    for spans in contrib["spans"].values():
        for span in spans:
            if span["kind"] != "SERVER":
                last = span["name"].split()[-1]
                seen.add(last if last in ("receive", "send") else span["kind"])
    assert seen == set(omissions.SPANS)


def test_the_names_that_differ_are_listed(contrib: dict[str, Any], ours: dict[str, Any]) -> None:
    """Contrib's hold the path; ours are as many as there are routes and methods."""
    differing = {
        _server(ours["spans"][name])["kind"]
        for name in REQUESTS
        if _server(ours["spans"][name])["name"] != _server(contrib["spans"][name])["name"]
    }
    assert differing == set(omissions.SPAN_NAMES)
    assert {_server(spans)["name"] for spans in ours["spans"].values()} == {
        "GET",
        "GET /broken/",
        "GET /missing/",
        "GET /rows/",
        "GET /towns/{name}/",
        "GET /unavailable/",
        "GET /years/{year}/",
        "HEAD /years/{year}/",
        "HTTP /years/{year}/",
        "POST /broken/",
        "POST /towns/{name}/",
    }


def test_metrics_are_contrib_s_but_for_what_is_listed(
    contrib: dict[str, Any], ours: dict[str, Any]
) -> None:
    """Name, unit, attributes and buckets."""
    names = contrib["metrics"].keys() | ours["metrics"].keys()
    different = {n for n in names if contrib["metrics"].get(n) != ours["metrics"].get(n)}
    assert different == set(omissions.METRIC_DIFFERENCES)
    assert contrib["metrics"].keys() <= ours["metrics"].keys()


def test_every_omission_has_a_reason() -> None:
    """A sentence, since somebody will ask for it back."""
    for group in (
        omissions.SPAN_ATTRIBUTES,
        omissions.SPAN_DIFFERENCES,
        omissions.SPAN_NAMES,
        omissions.SPANS,
        omissions.METRIC_DIFFERENCES,
        omissions.BEHAVIOUR,
    ):
        assert all(why.endswith(".") for why in group.values())
