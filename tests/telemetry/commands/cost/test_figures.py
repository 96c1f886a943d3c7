"""Sums over pages, routes, scopes and sites; what is sampled, and what a month of it costs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from telemetry.commands.cost.driving import Page, Visited
from telemetry.commands.cost.figures import SECONDS, Figures, figures, ratio_of
from telemetry.commands.cost.report import as_json, table
from telemetry.settings.parse import SampleRatio
from telemetry.settings.sampler import Ratios
from telemetry.testing import ReceivedSpan

if TYPE_CHECKING:
    from collections.abc import Sequence

TABLE, HOME = Page("alameda.ca.localhost", "/meetings/minutes"), Page("localhost", "/")


def _span(trace_id: str, size: int, scope: str = "telemetry", **attributes: Any) -> ReceivedSpan:
    kind = "SERVER" if scope == "telemetry" else "CLIENT"
    named = {key.replace("_", "."): value for key, value in attributes.items()}
    return ReceivedSpan(
        *("x", kind, trace_id, "", "", named, (), (), "UNSET", "", 0, 0, "", 0, scope, "", {}, size)
    )


def _table(trace_id: str, queries: int) -> list[ReceivedSpan]:
    site = {"corkboard_site": "alameda.ca"}
    server = _span(trace_id, 400, http_route="/{database}/{table}", **site)
    return [server, *(_span(trace_id, 300, "datasette", **site) for _ in range(queries))]


def _home(trace_id: str) -> list[ReceivedSpan]:
    return [_span(trace_id, 400, http_route="/")]


def _figures(ratio: float = 0.1, rules: Sequence[SampleRatio] = ()) -> Figures:
    """Two pages, each asked for twice; one in two table pages was kept by a rule."""
    whole = [
        Visited(TABLE, 200, [_table("a", 98), _table("b", 98)]),
        Visited(HOME, 404, [_home("c"), _home("d")]),
    ]
    folded = [
        Visited(TABLE, 200, [_table("a", 0), _table("b", 2)]),
        Visited(HOME, 404, [_home("c"), _home("d")]),
    ]
    by_rule = [Visited(TABLE, 200, [[], _table("b", 2)]), Visited(HOME, 404, [[], []])]
    return figures(whole, folded, by_rule, Ratios(rules, ratio))


def test_a_page_is_what_one_request_to_it_costs() -> None:
    """Kept by rule, or else by the ratio."""
    costs = _figures().names["page"]
    table_page = costs[str(TABLE)]
    assert (table_page["all"].spans, table_page["all"].bytes) == (99, 400 + 98 * 300)
    assert table_page["folded"].spans == 2
    # Half of them whole, with three spans; a tenth of the others, with one.
    assert table_page["sampled"].spans == pytest.approx(0.5 * 3 + 0.5 * 1 * 0.1)
    assert costs[str(HOME)]["sampled"].spans == pytest.approx(0.1)


def test_a_ratio_of_a_site_or_route_is_its_own() -> None:
    """TELEMETRY_SAMPLE, by the first rule that applies; what a rule of the sampler keeps stays."""
    route = SampleRatio("route", "/{database}/{table}", 0.0)
    found = _figures(0.1, [route])
    assert found.names["page"][str(TABLE)]["sampled"].spans == pytest.approx(0.5 * 3)
    assert found.names["page"][str(HOME)]["sampled"].spans == pytest.approx(0.1)
    # The home page's, of one of two requests.
    assert found.by_ratio.spans == pytest.approx(0.1 / 2)
    assert found.by_ratio.bytes == pytest.approx(40 / 2)
    by_site = _figures(0.1, [SampleRatio("site", "alameda.ca", 1.0), route])
    assert by_site.names["page"][str(TABLE)]["sampled"].spans == pytest.approx(2)
    assert by_site.by_ratio.spans == pytest.approx((2 + 0.1) / 2)


def test_everything_else_is_of_the_mix() -> None:
    """Each page as often; routes, scopes and sites add up to the total."""
    found = _figures()
    assert found.totals["all"].spans == 50
    for kind in ("route", "scope", "site"):
        for stage in ("all", "folded", "sampled"):
            names = found.names[kind].values()
            assert sum(c[stage].spans for c in names) == pytest.approx(found.totals[stage].spans)
            assert sum(c[stage].bytes for c in names) == pytest.approx(found.totals[stage].bytes)
    assert found.names["scope"]["datasette"]["all"].spans == 49
    assert found.names["site"]["(none)"]["all"].spans == 0.5
    assert found.names["route"]["/{database}/{table}"]["all"].spans == 49.5


def test_a_month_is_thirty_days() -> None:
    """At the rate, whatever the pages."""
    assert _figures().month("all", 2).spans == 50 * 2 * SECONDS


def test_the_table_can_be_read_at_80_columns() -> None:
    """With the price where one is given; what was not answered with 200 says so."""
    options: Any = {"sampler": "tail, ratio 0.1", "rate": 2, "times": 2}
    lines = list(table(_figures(), price=2.0, **options))
    assert max(map(len, lines)) <= 80
    assert any("404 localhost/" in line for line in lines)
    [all_spans] = [line.split() for line in lines if line.startswith("  all  ")]
    assert all_spans == ["all", "259.2", "78.3", "518.40"]
    assert not any("price" in line for line in table(_figures(), price=None, **options))


def test_a_long_address_is_shown_whole() -> None:
    """On a line of its own, with its status; where it is redirected to is named at the end."""
    page = Page("alameda.ca.localhost", f"/meetings/minutes?{'_facet=meeting&' * 6}_size=1")
    other = f"https://{page}"
    visited = [Visited(page, 301, [_home("e")], other), Visited(HOME, 200, [_home("f")])]
    found = figures(visited, visited, (), Ratios((), 1.0))
    lines = list(table(found, sampler="tail", rate=1, price=None, times=1))
    at = lines.index(f"  301 {page}")
    assert lines[at + 1].split() == ["1.00"] * 3 + ["400"] * 3
    assert lines[-3:-1] == [f"  {page}", f"    to {other}"]
    assert "https://" in lines[-1]
    assert max(len(line) for line in lines if str(page) not in line) <= 80
    assert json.loads(as_json(found, sampler="tail", rate=1, price=None, times=1))["redirects"] == {
        str(page): other
    }


def test_a_redirect_within_the_same_scheme_has_no_hint() -> None:
    """Its address is shown all the same."""
    found = figures(
        [Visited(HOME, 302, [_home("a")], "http://localhost/login")], [], (), Ratios((), 1.0)
    )
    lines = list(table(found, sampler="tail", rate=1, price=None, times=1))
    assert lines[-1] == "    to http://localhost/login"


def test_json_has_all_of_it() -> None:
    """For programs."""
    text = as_json(_figures(), sampler="tail", rate=2, price=2.0, times=2)
    document = json.loads(text)
    assert document["month"]["all"]["price"] == pytest.approx(518.4)
    assert document["by_page"][str(TABLE)]["all"] == {"spans": 99, "bytes": 29_800}
    assert document["statuses"] == {str(TABLE): 200, str(HOME): 404}
    assert document["total"]["all"]["spans"] == 50


def test_a_trace_without_a_request_has_the_ratio_of_all_others() -> None:
    """Such as one whose SERVER span was lost."""
    rules = (SampleRatio("site", "alameda.ca", 0.5),)
    ratios = Ratios(rules, 0.1)
    assert ratio_of(_table("a", 1), ratios) == 0.5
    assert ratio_of(_table("a", 1)[1:], ratios) == 0.1
    assert ratio_of([], ratios) == 0.1
