"""The bill of a month: from requests that were made, and from the lines of a log."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.__main__ import main
from telemetry.commands.cost.access_log import bill_from_log, read_lines
from telemetry.commands.cost.bill import Bill, Prices
from telemetry.commands.cost.driving import Page, Visited
from telemetry.commands.cost.figures import SECONDS, Cost, Figures
from telemetry.commands.cost.report import bill_table
from telemetry.commands.cost.traffic import Traffic, bill_of
from telemetry.exceptions import TelemetryError
from telemetry.settings import read_settings
from telemetry.settings.sampler import Ratios, ratios_of

if TYPE_CHECKING:
    from pathlib import Path

BOTH = {
    "LOGFIRE_TOKEN": "pylf_v1_us_a,pylf_v1_us_b",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
    "SENTRY_DSN": "http://key@127.0.0.1:9/1",
}
TAIL = {"OTEL_TRACES_SAMPLER": "tail", "OTEL_TRACES_SAMPLER_ARG": "0.05"}
SETTINGS = read_settings(BOTH | TAIL)
PRICES = Prices(2.0, 2.0, 1.0, 100.0)
DAY = datetime(2026, 11, 28, tzinfo=UTC)


def _of_requests(rate: float = 1.0, processes: int = 1, **variables: str) -> Bill:
    """Ten requests of two spans each, of which one fails, logs and leads to an event."""
    figures = Figures()
    figures.totals = {"all": Cost(9, 900), "folded": Cost(2, 200), "sampled": Cost(0.29, 29)}
    traffic = Traffic(10, 10, 1, 100.0, Counter({("group",): 1}), 1, 5000, 40, 4000)
    figures.by_ratio = Cost(2 * 0.05, 200 * 0.05)
    failing: Any = SimpleNamespace(kind="SERVER", attributes={})
    by_rule = [Visited(Page("localhost", "/"), 200, [*([[]] * 9), [failing]])]
    settings = read_settings(BOTH | TAIL | variables)
    ratios = ratios_of(settings.sampler) or Ratios((), 0.05)
    return bill_of(
        *(figures, traffic, by_rule, settings, ratios),
        rate=rate,
        processes=processes,
        prices=PRICES,
    )


def _items(bill: Bill) -> dict[str, float]:
    return {each.name: bill.items(each) for each in bill.features}


def test_everything_is_counted_for_each_destination() -> None:
    """Three of OTLP and one for events; no access lines unless they are asked for."""
    assert _items(_of_requests(processes=2)) == pytest.approx(
        {
            "spans, sampled by ratio": 2 * 0.05 * SECONDS * 3,
            # 0.095 failing traces a second are less than 60 a minute.
            "spans, kept by rule": 0.19 * SECONDS * 3,
            "other log records": 0.1 * SECONDS * 3,
            "metrics": 40 * SECONDS / 60 * 2 * 3,
            # Five of the group and minute, of each process.
            "error events": 0.1 * SECONDS,
        }
    )
    everything = _of_requests(TELEMETRY_ACCESS_LOG="all")
    assert _items(everything)["access lines"] == pytest.approx(SECONDS * 3)


def test_limits_of_a_minute_are_applied_to_the_month() -> None:
    """At a thousand requests a second, of which a tenth fails."""
    found = _items(_of_requests(rate=1000))
    minutes = SECONDS / 60
    assert found["error events"] == pytest.approx(5 * minutes)
    # Two spans each.
    assert found["spans, kept by rule"] == pytest.approx(0.19 / 0.095 * 60 * minutes * 3, rel=0.01)


def test_each_feature_has_its_price_and_share_and_variables_what_they_save() -> None:
    """What is printed, too: 80 columns at most."""
    bill = _of_requests(TELEMETRY_ACCESS_LOG="all")
    prices = {each.name: bill.price(each.kind, bill.items(each)) for each in bill.features}
    assert prices["error events"] == pytest.approx(5 * SECONDS / 60 / 1e6 * 100)
    assert bill.total == pytest.approx(sum(price or 0 for price in prices.values()))
    assert sum(map(bill.share, bill.features)) == pytest.approx(1)
    saved = {each.assignment: each.items for each in bill.savings}
    assert saved == pytest.approx(
        {
            "TELEMETRY_ACCESS_LOG=stdout": SECONDS,
            "OTEL_TRACES_SAMPLER_ARG=0.025": 0.05 * SECONDS,
            "OTEL_METRIC_EXPORT_INTERVAL=300000": 40 * SECONDS / 60 * 0.8,
            "TELEMETRY_REQUEST_ERRORS=false": 5 * SECONDS / 60,
        }
    )
    lines = list(bill_table(bill))
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("  access lines") for line in lines)
    other = {each.assignment: each.items for each in _of_requests().savings}
    assert other["TELEMETRY_ACCESS_LOG=all"] == pytest.approx(-SECONDS)


def _line(seconds: float, **fields: Any) -> str:
    when = (DAY + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
    known = {"time": when.replace("+00:00", "Z"), "level": "INFO", "logger": "telemetry.access"}
    named = {key.replace("__", "."): value for key, value in fields.items()}
    return json.dumps(known | named)


def _access(seconds: float, status: int = 200, **more: Any) -> str:
    outcome = "error" if status >= 500 else "served"
    return _line(
        seconds,
        http__request__method="GET",
        http__response__status_code=status,
        corkboard__outcome=outcome,
        duration_ms=more.pop("milliseconds", 20.0),
        trace_id=f"{int(seconds * 1000):032x}",
        **more,
    )


def _day() -> list[str]:
    """A request a minute; in the first hour, one in a second fails and logs it."""
    lines = [_access(minute * 60, http__route="/{database}") for minute in range(24 * 60)]
    for second in range(3600):
        lines.append(_access(second + 0.5, 500, http__route="/{database}/{table}"))
        lines.append(
            _line(
                second + 0.5,
                logger="datasette",
                level="ERROR",
                exception__type="ValueError",
                http__route="/{database}/{table}",
            )
        )
    return [*lines, "a line of another program", "", _access(86_400, site="x")]


def _from_log(**variables: str) -> Bill:
    settings = read_settings(BOTH | TAIL | variables)
    return bill_from_log(read_lines(_day()), settings, 0.05, processes=1, spans=2, prices=PRICES)


def test_a_day_of_lines_is_a_month() -> None:
    """Sampled and limited as the variables say, by the times of the lines."""
    found = _items(_from_log())
    requests = 24 * 60 + 3600 + 1
    assert found["spans, sampled by ratio"] == pytest.approx(requests * 0.05 * 2 * 30 * 3)
    # One a second is 60 a minute.
    assert found["spans, kept by rule"] == pytest.approx(3600 * 0.95 * 2 * 30 * 3)
    assert found["error events"] == pytest.approx(60 * 5 * 30, rel=0.05)
    assert found["other log records"] == pytest.approx(3600 * 30 * 3)
    assert "access lines" not in found
    limited = _items(_from_log(TELEMETRY_TRACE_LIMIT="6", TELEMETRY_ACCESS_LOG="all"))
    assert limited["spans, kept by rule"] == pytest.approx(360 * 0.95 * 2 * 30 * 3, rel=0.05)
    assert limited["access lines"] == pytest.approx(requests * 30 * 3)
    ruled = _items(_from_log(TELEMETRY_SAMPLE="route=/{database}/{table}:0"))
    assert ruled["spans, sampled by ratio"] == pytest.approx((24 * 60 + 1) * 0.05 * 2 * 30 * 3)


def test_a_log_without_access_lines_is_refused() -> None:
    """As is one of a single moment: there is no rate."""
    with pytest.raises(TelemetryError, match="no access lines"):
        read_lines(["GET / 200", _line(0, logger="host")])
    with pytest.raises(TelemetryError, match="the same time"):
        read_lines([_access(0), _access(0)])


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
_KEYS = (
    *("time", "level", "logger", "trace_id", "duration_ms", "corkboard.outcome", "exception.type"),
    *("http.route", "http.request.method", "http.response.status_code", "corkboard.site"),
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(_KEYS), _VALUES, max_size=4).map(
            lambda fields: json.dumps({**json.loads(_access(1)), **fields})
        )
        | st.sampled_from(
            [
                *("[" * 10_000, "1", "null", "[]", '"x"', "{}", "\ud800", '{"time":"0001-01-01"}'),
                '{"time":"0001-01-01T00:00:00","logger":"telemetry.access"}',
                '{"time":"9999-12-31T23:59:59-23:00","logger":"telemetry.access"}',
            ]
        ),
        max_size=4,
    )
)
def test_odd_lines_are_left_out(odd: list[str]) -> None:
    """Each is of this package's log, or counted as unknown: none ends the command."""
    lines = read_lines([_access(0), *odd, _access(60)])
    assert lines.unknown + len(lines.known) == len(odd) + 2
    bill_from_log(lines, SETTINGS, 0.05, processes=2, spans=2, prices=PRICES)


def test_the_command_reads_a_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a person types it; with an application as well, it is refused."""
    for name, value in (BOTH | TAIL).items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "day.log"
    path.write_text("\n".join(_day()))
    assert main(["cost", "--from-log", str(path), "--price", "2", "--price-error-events", "9"]) == 0
    printed = capsys.readouterr().out
    assert "5041 requests in 24.0 hours" in printed
    assert "1 lines are no JSON lines" in printed
    assert main(["cost", "--from-log", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["features"]["error events"]["price"] is None
    assert main(["cost", "x:y", "--from-log", str(path)]) == 2
    assert main(["cost"]) == 2
    assert main(["cost", "--from-log", str(path), "--price-spans", "-1"]) == 2
    assert "--price-spans -1: wanted at least 0" in capsys.readouterr().err


def _savings(**variables: Any) -> set[str]:
    return {each.assignment.partition("=")[0] for each in _of_requests(**variables).savings}


def test_only_what_would_change_the_bill_is_suggested() -> None:
    """Nothing of a signal that is not sent, nor what is set already."""
    everything = {
        "TELEMETRY_ACCESS_LOG",
        "OTEL_TRACES_SAMPLER_ARG",
        "OTEL_METRIC_EXPORT_INTERVAL",
        "TELEMETRY_REQUEST_ERRORS",
    }
    assert _savings() <= everything
    assert "TELEMETRY_ACCESS_LOG" in _savings()
    assert "TELEMETRY_ACCESS_LOG" not in _savings(OTEL_LOGS_EXPORTER="none")
    assert "OTEL_METRIC_EXPORT_INTERVAL" in _savings()
    long = {"OTEL_METRIC_EXPORT_INTERVAL": "300000"}
    assert "OTEL_METRIC_EXPORT_INTERVAL" not in _savings(**long)
    assert "OTEL_TRACES_SAMPLER_ARG" in _savings()
    assert "OTEL_TRACES_SAMPLER" in _savings(
        OTEL_TRACES_SAMPLER="traceidratio", OTEL_TRACES_SAMPLER_ARG="0.5"
    )
    assert not _savings(OTEL_TRACES_EXPORTER="none") & {
        "OTEL_TRACES_SAMPLER",
        "OTEL_TRACES_SAMPLER_ARG",
    }


def test_without_prices_and_savings_the_table_ends_with_what_is_sent() -> None:
    """No sum of money, and no heading without a line below it."""
    bill = replace(_of_requests(), prices=Prices(None, None, None, None), savings=[])
    lines = list(bill_table(bill))
    assert not any("price" in line or "in all" in line for line in lines)
    assert not any("variables would change" in line for line in lines)
    assert lines[-1].strip()
    shown = list(bill_table(_of_requests()))
    assert any("in all" in line for line in shown)
    assert any("variables would change" in line for line in shown)


def test_lines_without_a_trace_id_and_without_an_error_are_counted() -> None:
    """An id that is none belongs to the first process; a warning is a log record and no event."""
    lines = [
        _access(0, http__route="/{database}"),
        _line(1, logger="host", level="ERROR", trace_id="none", exception__type="ValueError"),
        _line(2, logger="host", level="WARNING"),
        _access(86_400, http__route="/{database}"),
    ]
    bill = bill_from_log(read_lines(lines), SETTINGS, 1.0, processes=2, spans=2, prices=PRICES)
    found = _items(bill)
    assert found["error events"] == pytest.approx(30)
    assert found["other log records"] == pytest.approx(2 * 30 * 3)


def _metrics_of(sites: int, limit: int) -> float:
    lines = [_access(n, corkboard__site=f"s{n}") for n in range(sites)]
    settings = read_settings(BOTH | TAIL | {"TELEMETRY_SITE_LIMIT": str(limit)})
    bill = bill_from_log(read_lines(lines), settings, 1.0, processes=1, spans=2, prices=PRICES)
    return _items(bill)["metrics"]


def test_more_sites_than_the_limit_are_one_series() -> None:
    """So the metric points of a month are bounded."""
    assert _metrics_of(3, 5) < _metrics_of(5, 5) < _metrics_of(6, 5) == _metrics_of(50, 5)
