"""Formats the figures as a table and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from telemetry.commands.cost.bill import KINDS as ITEMS
from telemetry.commands.cost.figures import KINDS, STAGES
from telemetry.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.commands.cost.bill import Bill
    from telemetry.commands.cost.figures import Cost, Figures

NAME = 29


def table(
    figures: Figures, *, sampler: str, rate: float, price: float | None, times: int
) -> Iterator[str]:
    """Yield the lines of the table, at most 80 columns wide. Addresses are never cut."""
    yield f"A request, the mean of {times} to each page: all spans, folded, and sampled"
    yield f"(sampler: {sampler})"
    yield ""
    yield f"{'':<{NAME}}{'spans':>24}{'bytes':>27}"
    yield " " * NAME + "".join(f"{h:>8}" for h in STAGES) + "".join(f"{h:>9}" for h in STAGES)
    for kind in KINDS:
        yield f"by {kind}" + (" (one request to it)" if kind == "page" else "")
        names = figures.names[kind]
        for name in sorted(names, key=lambda each: names[each]["all"].bytes, reverse=True):
            yield from _lines(_named(figures, kind, name), names[name])
    yield from _lines("all pages, each as often", figures.totals)
    yield ""
    yield f"A month at {rate:g} requests a second:"
    yield f"{'':<{NAME}}{'million spans':>15}{'GB':>10}" + (f"{'price':>14}" if price else "")
    for stage in STAGES:
        month = figures.month(stage, rate)
        millions = month.spans / 1e6
        line = f"  {stage:<{NAME - 2}}{millions:>15,.1f}{month.bytes / 1e9:>10,.1f}"
        yield line + (f"{millions * price:>14,.2f}" if price else "")
    if figures.redirects:
        yield from _redirects(figures.redirects)


def _redirects(redirects: dict[str, str]) -> Iterator[str]:
    yield ""
    yield "Redirected, so that the figures are those of the redirect:"
    for name, location in redirects.items():
        yield f"  {name}"
        yield f"    to {printable(location)}"
    if any(location.startswith("https:") for location in redirects.values()):
        yield "For the pages themselves, give addresses that begin with https://."


def bill_table(bill: Bill) -> Iterator[str]:
    """Yield the lines of a month's bill."""
    yield "The bill of a month, everything that is sent, to all destinations:"
    priced = any(bill.prices.of(kind) is not None for kind in ITEMS)
    yield f"{'':<{NAME}}{'million items':>15}{'GB':>10}{'share':>9}" + ("price" * priced).rjust(13)
    for each in bill.features:
        size, price = bill.bytes(each), bill.price(each.kind, bill.items(each))
        line = f"  {each.name:<{NAME - 2}}{bill.items(each) / 1e6:>15,.3f}"
        line += f"{'' if size is None else f'{size / 1e9:,.2f}':>10}{bill.share(each):>9.1%}"
        yield line + ("" if price is None else f"{price:>13,.2f}")
    if priced:
        yield f"  {'in all':<{NAME + 32}}{bill.total:>13,.2f}"
    for kind, names in bill.destinations.items():
        yield f"  {kind} to {', '.join(names) or 'nowhere'}"
    yield from (f"  {note}" for note in bill.notes)
    if bill.savings:
        yield ""
        yield "What variables would change, of that:"
    for saving in bill.savings:
        number = saving.items * len(bill.destinations[saving.kind])
        price = bill.price(saving.kind, number)
        yield f"  {saving.assignment}"
        money = "" if price is None else f", {abs(price):,.2f} {'less' if number >= 0 else 'more'}"
        word = "fewer" if number >= 0 else "more"
        yield f"    {abs(number) / 1e6:,.3f} million {saving.kind} {word}{money}"


def bill_as_dict(bill: Bill) -> dict[str, object]:
    """Return a month's bill for JSON. Items and bytes are those to all destinations."""
    return {
        "features": {
            each.name: {
                "kind": each.kind,
                "items": bill.items(each),
                "bytes": bill.bytes(each),
                "price": bill.price(each.kind, bill.items(each)),
                "share": bill.share(each),
            }
            for each in bill.features
        },
        "price": bill.total,
        "destinations": {kind: list(names) for kind, names in bill.destinations.items()},
        "changes": {
            each.assignment: {
                "kind": each.kind,
                "items": -each.items * len(bill.destinations[each.kind]),
                "price": bill.price(each.kind, -each.items * len(bill.destinations[each.kind])),
            }
            for each in bill.savings
        },
        "notes": list(bill.notes),
    }


def as_json(
    figures: Figures,
    *,
    sampler: str,
    rate: float,
    price: float | None,
    times: int,
    bill: Bill | None = None,
) -> str:
    """Return all figures. Spans and bytes are those of a request; `month` has those of a month."""
    months = {}
    for stage in STAGES:
        month = figures.month(stage, rate)
        months[stage] = {
            "spans": month.spans,
            "bytes": month.bytes,
            "price": None if price is None else month.spans / 1e6 * price,
        }
    document = {
        "requests_of_each_page": times,
        "requests_a_second": rate,
        "price_of_a_million_spans": price,
        "sampler": sampler,
        "statuses": figures.statuses,
        "redirects": figures.redirects,
        "total": _plain(figures.totals),
        **{
            f"by_{kind}": {name: _plain(stages) for name, stages in figures.names[kind].items()}
            for kind in KINDS
        },
        "month": months,
        "bill": None if bill is None else bill_as_dict(bill),
    }
    return json.dumps(document, indent=2)


def _plain(stages: dict[str, Cost]) -> dict[str, dict[str, float]]:
    return {stage: {"spans": c.spans, "bytes": c.bytes} for stage, c in stages.items()}


def _named(figures: Figures, kind: str, name: str) -> str:
    status = figures.statuses.get(name, 200) if kind == "page" else 200
    return name if 200 <= status < 300 else f"{status} {name}"


def _lines(name: str, stages: dict[str, Cost]) -> Iterator[str]:
    if len(name) > NAME - 3:
        # On a line of its own, so that a name is never cut.
        yield f"  {name}"
        name = ""
    spans = "".join(f"{stages[stage].spans:>8.2f}" for stage in STAGES)
    size = "".join(f"{stages[stage].bytes:>9,.0f}" for stage in STAGES)
    yield f"  {name:<{NAME - 2}}{spans}{size}"
