"""Events that are too large: what is left out, in which order, and what stays."""

from __future__ import annotations

import copy
import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from telemetry.errors.sentry.shortening import shortened
from tests.telemetry.errors.sentry.programs import run_program

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry.testing import EventReceiver

LONG = "x" * 10_000
FRAMES = 400


def frame(number: int, **more: object) -> dict[str, Any]:
    return {
        "function": f"function_{number}",
        "filename": "app.py",
        "lineno": number,
        "context_line": "fail()",
        **more,
    }


def exception(number: int, frames: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": f"Error{number}", "value": f"value {number}", "stacktrace": {"frames": frames}}


def event(**more: object) -> dict[str, Any]:
    return {
        "event_id": "c0" * 16,
        "level": "error",
        "exception": {"values": [exception(1, [frame(1), frame(2)])]},
        "contexts": {"trace": {"trace_id": "ab" * 16}, "links": {"trace": "https://t/ab"}},
        "tags": {"corkboard.site": "alameda.ca"},
        **more,
    }


def cut(found: dict[str, Any], limit: int) -> dict[str, Any]:
    payload = json.dumps(found, separators=(",", ":")).encode()
    smaller = shortened(payload, limit)
    assert smaller is not None
    assert len(smaller) <= limit
    result: dict[str, Any] = json.loads(smaller)
    assert result["contexts"]["shortened"]["bytes"] == len(payload)
    return result


def parts(found: dict[str, Any]) -> list[str]:
    known: list[str] = found["contexts"]["shortened"]["parts"]
    return known


def names(found: dict[str, Any], number: int = 0) -> list[str]:
    frames = found["exception"]["values"][number]["stacktrace"]["frames"]
    return [each["function"] for each in frames]


CASES: dict[str, tuple[dict[str, Any], str]] = {
    "breadcrumbs": (event(breadcrumbs={"values": [{"message": LONG}] * 5}), "breadcrumbs"),
    "vars": (
        event(exception={"values": [exception(1, [frame(n, vars={"v": LONG}) for n in range(9)])]}),
        "local variables",
    ),
    "source": (
        event(exception={"values": [exception(1, [frame(1, pre_context=[LONG])])]}),
        "source lines",
    ),
    "extra": (event(extra={"page": LONG}), "extra"),
    "request": (event(request={"url": "http://h/", "data": LONG}), "request"),
    "modules": (event(modules={"m": LONG}), "other data"),
    "message": (event(logentry={"message": "begin" + LONG}), "long texts"),
    "frames": (
        event(exception={"values": [exception(1, [frame(n) for n in range(FRAMES)])]}),
        "stack frames",
    ),
    "chain": (
        event(exception={"values": [exception(n, [frame(n)]) for n in range(200)]}),
        "chained exceptions",
    ),
    "tags": (
        event(tags={"corkboard.site": "alameda.ca"} | {f"t{n}": "x" * 199 for n in range(99)}),
        "tags",
    ),
}


@pytest.mark.parametrize(("found", "part"), CASES.values(), ids=CASES)
def test_what_is_large_is_left_out_and_named(found: dict[str, Any], part: str) -> None:
    """What identifies the event and its failure stays."""
    result = cut(found, 6_000)
    assert part in parts(result)
    assert result["event_id"] == "c0" * 16
    assert result["contexts"]["trace"] == {"trace_id": "ab" * 16}
    assert result["contexts"]["links"] == {"trace": "https://t/ab"}
    assert result["tags"]["corkboard.site"] == "alameda.ca"
    last = found["exception"]["values"][-1]
    assert result["exception"]["values"][-1]["type"] == last["type"]
    assert result["exception"]["values"][-1]["value"] == last["value"]
    assert names(result, -1)[-1] == last["stacktrace"]["frames"][-1]["function"]


def test_no_more_is_left_out_than_needed() -> None:
    """The order is that of what explains a failure least."""
    found = event(
        breadcrumbs={"values": [{"message": f"{n}" + "x" * 1000} for n in range(10)]},
        extra={"page": "x" * 100},
    )
    result = cut(found, 6_000)
    assert parts(result) == ["breadcrumbs"]
    left = result["breadcrumbs"]["values"]
    assert 3 <= len(left) < 10
    assert left[-1]["message"].startswith("9"), "the newest stay"
    assert result["extra"] == found["extra"]


def test_variables_far_from_the_raise_are_left_out_first() -> None:
    """Of the innermost frames, only the long ones."""
    frames = [frame(n, vars={"long": LONG, "page": f"{n}"}) for n in range(20)]
    found = event(exception={"values": [exception(1, frames)]})
    kept = cut(found, 100_000)["exception"]["values"][0]["stacktrace"]["frames"]
    with_variables = [each["lineno"] for each in kept if "vars" in each]
    assert with_variables == list(range(with_variables[0], 20))
    assert 5 < len(with_variables) < 10
    kept = cut(found, 15_000)["exception"]["values"][0]["stacktrace"]["frames"]
    assert [each["lineno"] for each in kept if "vars" in each] == list(range(15, 20))
    assert kept[-1]["vars"]["page"] == "19"
    assert kept[15]["vars"]["long"] == "x" * 200 + "…"


def test_frames_in_the_middle_are_left_out() -> None:
    """As Sentry's protocol says it."""
    found = event(exception={"values": [exception(1, [frame(n) for n in range(FRAMES)])]})
    result = cut(found, 6_000)
    [only] = result["exception"]["values"]
    first, last = only["stacktrace"]["frames_omitted"]
    expected = [*range(first), *range(last, FRAMES)]
    assert names(result) == [f"function_{n}" for n in expected]
    assert FRAMES - last > first > 0
    # A second time, for a smaller limit.
    [only] = cut_again(result, 3_000)["exception"]["values"]
    again = only["stacktrace"]["frames_omitted"]
    assert [each["lineno"] for each in only["stacktrace"]["frames"]] == [
        *range(again[0]),
        *range(again[1], FRAMES),
    ]
    assert again[0] < first
    assert again[1] > last


def cut_again(found: dict[str, Any], limit: int) -> dict[str, Any]:
    smaller = shortened(json.dumps(found, separators=(",", ":")).encode(), limit)
    assert smaller is not None
    assert len(smaller) <= limit
    result: dict[str, Any] = json.loads(smaller)
    return result


def test_the_first_and_the_last_of_chained_exceptions_stay() -> None:
    """What began it, and what was caught."""
    found = event(exception={"values": [exception(n, [frame(n)]) for n in range(200)]})
    kept = [each["type"] for each in cut(found, 6_000)["exception"]["values"]]
    assert kept[0] == "Error0"
    assert kept[-1] == "Error199"
    assert len(kept) > 2


def test_a_message_keeps_its_begin() -> None:
    """Text that is not ASCII has up to twelve bytes a character."""
    found = event(exception={"values": [exception(1, []) | {"value": "begin" + "🏛" * 90_000}]})
    [only] = cut(found, 100_000)["exception"]["values"]
    assert only["value"].startswith("begin🏛")
    assert only["value"].endswith("…")


def test_what_can_not_be_made_small_enough_stays_whole() -> None:
    """There is no event without its ids and its exception."""
    payload = json.dumps(event()).encode()
    assert shortened(payload, 200) is None
    assert shortened(b"[1]", 1) is None


@pytest.mark.parametrize("seed", range(30))
def test_any_event_becomes_small_enough(seed: int) -> None:
    """Whatever a host has put where; the limit holds, and odd shapes raise nothing."""
    rng = random.Random(seed)  # not for secrets

    def value(depth: int = 0) -> Any:
        kind = rng.randrange(6 if depth < 4 else 4)
        if kind == 4:
            return [value(depth + 1) for _ in range(rng.randrange(6))]
        if kind == 5:
            return {f"k{n}": value(depth + 1) for n in range(rng.randrange(6))}
        return rng.choice(["é" * rng.randrange(9_000), rng.randrange(10**9), None, "short"])

    frames = [frame(n, vars=value(), pre_context=value()) for n in range(rng.randrange(300))]
    found = event(
        breadcrumbs=value(),
        extra=value(),
        request=value(),
        threads=value(),
        modules=value(),
        logentry=value(),
        message=value(),
        user=value(),
        exception={"values": [exception(n, copy.deepcopy(frames)) for n in range(1, 4)]},
    )
    payload = json.dumps(found, separators=(",", ":")).encode()
    limit = max(20_000, len(payload) // 5)
    smaller = shortened(payload, limit)
    assert smaller is not None
    assert len(smaller) <= limit
    assert json.loads(smaller)["exception"]["values"][-1]["type"] == "Error3"


def test_an_event_with_large_variables_arrives(tmp_path: Path, errors: EventReceiver) -> None:
    """By way of Sentry's SDK, and of redaction."""
    code = """
    def read(depth):
        note = "small"
        pages = ["x" * 40_000] * 10
        if not depth:
            raise LookupError("minutes")
        read(depth - 1)
    read(10)
    """
    variables = {"TELEMETRY_LOCAL_VARIABLES": "true", "TELEMETRY_TEXT_LENGTH_LIMIT": "32768"}
    run_program(tmp_path, errors, code, **variables)
    [found] = errors.events
    assert found.exceptions == (("LookupError", "minutes"),)
    assert found.contexts["shortened"]["parts"] == ["local variables"]
    assert found.contexts["shortened"]["bytes"] > 3_000_000
    [only] = found.raw["exception"]["values"]
    assert only["stacktrace"]["frames"][-1]["vars"]["note"] == "'small'"
    [request] = errors.requests
    assert request.status == 200
