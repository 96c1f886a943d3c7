"""`python -m telemetry cost`, as a person types it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from telemetry.testing import EventReceiver
from tests.support.forks import python
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    import subprocess

    from tests.end_to_end.hosts import Host

TAIL = {"OTEL_TRACES_SAMPLER": "tail", "OTEL_TRACES_SAMPLER_ARG": "0.05"}


def _cost(host: Host, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command where the operator's own destinations are set."""
    return python(
        "-m",
        "telemetry",
        "cost",
        *arguments,
        env={
            **host.env,
            "LOGFIRE_TOKEN": "pylf_v1_us_planted",
            "SENTRY_DSN": "http://key@127.0.0.1:9/1",
            **variables,
        },
        timeout=5 * PATIENCE,
    )


def test_pages_are_driven_and_their_cost_is_told(host: Host) -> None:
    """Before and after folding and sampling; a failing page is kept whatever the ratio.

    The host redirects to HTTPS, as it does by default. The operator's error tracker receives
    nothing.
    """
    site = f"https://{host.site}.localhost"
    plain = f"{host.site}.localhost:8000/meetings/minutes"
    with EventReceiver() as tracker:
        done = _cost(
            host,
            "tests.end_to_end.failing.application:application",
            *("--page", f"{site}/meetings/minutes", "--page", f"{site}/-/fails/route"),
            *(
                "--page",
                "https://localhost/nothing",
                "--page",
                f"http://{plain}",
                "--times",
                "3",
                "--rate",
                "5",
                "--price",
                "2",
                "--json",
            ),
            **TAIL,
            SENTRY_DSN=tracker.dsn,
            HTTPS="1",
            DJANGO_SETTINGS_MODULE="tests.end_to_end.failing.settings",
            # A busy machine makes queries slow, and a slow one is not folded.
            TELEMETRY_FOLD_BELOW="60s",
            TELEMETRY_SLOW="60s",
        )
    assert done.returncode == 0, done.stderr
    assert tracker.events == []
    found: dict[str, Any] = json.loads(done.stdout)
    pages = found["by_page"]
    table = pages[f"{site}/meetings/minutes"]
    assert table["all"]["spans"] > 90
    assert table["folded"]["spans"] < 10
    assert table["sampled"]["spans"] == pytest.approx(table["folded"]["spans"] * 0.05, rel=0.5)
    failing = pages[f"{site}/-/fails/route"]
    assert failing["sampled"]["spans"] == pytest.approx(failing["folded"]["spans"])
    assert found["statuses"]["https://localhost/nothing"] == 404
    # Everything is counted: the failing page leads to log records and events.
    bill = found["bill"]["features"]
    assert set(bill) == {
        *("spans, sampled by ratio", "spans, kept by rule", "other log records", "metrics"),
        "error events",
    }
    assert all(each["items"] > 0 for each in bill.values())
    assert sum(each["share"] for each in bill.values()) == pytest.approx(1)
    assert found["bill"]["destinations"]["error events"] == ["sentry"]
    assert found["bill"]["changes"]["TELEMETRY_ACCESS_LOG=all"]["items"] > 0
    # To the port of HTTPS, and not to that of the address.
    assert found["statuses"][plain] == 301
    assert found["redirects"] == {plain: f"https://{plain.replace(':8000', '')}"}
    assert found["by_site"][host.site]["all"]["spans"] > 25
    assert found["month"]["all"]["price"] > found["month"]["sampled"]["price"] > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("config.asgi:application", "--page", "nowhere"), "'nowhere': wanted a page such as"),
        (("config.asgi:application", "--times", "0"), "--times 0: wanted at least 1"),
        (("config.asgi:application", "--rate", "0"), "--rate 0: wanted more than 0"),
        (("config.asgi:application", "--pages", "no/file"), "no/file"),
        (("nowhere:application",), "the application did not start; uvicorn said:"),
        (("tests.end_to_end.unwrapped:application",), "without a traceresponse header"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_said(host: Host, arguments: tuple[str, ...], said: str) -> None:
    """Without a traceback of the command's own."""
    done = _cost(host, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""
    assert "telemetry/cost/" not in done.stderr
