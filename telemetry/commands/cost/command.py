"""Command line of `cost`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from telemetry.commands.cost.access_log import bill_from_log, read_lines
from telemetry.commands.cost.bill import KINDS as _PRICES
from telemetry.commands.cost.bill import Prices
from telemetry.commands.cost.driving import parse_page, visit
from telemetry.commands.cost.figures import figures
from telemetry.commands.cost.report import as_json, bill_as_dict, bill_table, table
from telemetry.commands.cost.traffic import Traffic, bill_of
from telemetry.exceptions import ConfigurationError, TelemetryError
from telemetry.settings import read_settings
from telemetry.settings.installed import RATIO
from telemetry.settings.sampler import Ratios, ratios_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from telemetry.commands.cost.driving import Page
    from telemetry.settings import SamplerSettings, Settings

TIMES = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("application", nargs="?", help="ASGI application, as module:attribute")
    parser.add_argument(
        "--from-log",
        type=Path,
        metavar="FILE",
        help="work out the bill from a day of a host's log lines instead of made requests",
    )
    parser.add_argument(
        "--spans",
        type=float,
        default=1.0,
        help="with --from-log: spans of a trace, as without it under 'folded' (default 1)",
    )
    parser.add_argument(
        "--processes", type=int, default=1, help="number of worker processes (default 1)"
    )
    parser.add_argument(
        "--page",
        action="append",
        default=[],
        help="URL, or path on localhost; may be repeated, also for a page with a greater share of "
        "the requests (default: /)",
    )
    parser.add_argument(
        "--pages", type=Path, metavar="FILE", help="file with one page for each line"
    )
    parser.add_argument(
        "--times", type=int, default=TIMES, help=f"requests to each page (default {TIMES})"
    )
    parser.add_argument("--rate", type=float, default=1.0, help="requests per second (default 1)")
    parser.add_argument(
        "--price",
        type=float,
        help="price of a million items of each kind that has no price of its own",
    )
    for kind in _PRICES:
        name = f"--price-{kind.replace(' ', '-')}"
        parser.add_argument(name, type=float, help=f"price of a million {kind}")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")


def run(options: argparse.Namespace) -> int:
    """Serve the application, request its pages and print the figures.

    Returns 0, or 2 with the problem printed.
    """
    try:
        pages = _pages(options)
        _check(options)
        settings = read_settings(os.environ, default_service_name="cost")
        if options.from_log is not None:
            return _from_log(options, settings)
    except (ConfigurationError, TelemetryError, OSError, ValueError) as error:
        return _refuse(error)
    every = {"OTEL_TRACES_SAMPLER": "always_on"}
    stages = (
        ("each query a span", {**every, "TELEMETRY_FOLD_BELOW": "0ms"}),
        ("folded", every),
        (
            "by rule",
            {
                "OTEL_TRACES_SAMPLER": "tail",
                "OTEL_TRACES_SAMPLER_ARG": "0",
                "TELEMETRY_SAMPLE": "",
                # Applied to the month, and not to the requests that are made at once.
                "TELEMETRY_TRACE_LIMIT": "1000000",
            },
        ),
    )
    ratio, rules = _applied(settings.sampler)
    visited = []
    traffic = Traffic()
    for name, variables in stages if rules else stages[:2]:
        # To stderr, so that `--json > file` writes only the result.
        sys.stderr.write(f"visiting {len(pages)} pages: {name}\n")
        environ: Mapping[str, str] = {**os.environ, **variables}
        try:
            everything = traffic.add if name == "folded" else None
            visited.append(visit(options.application, pages, options.times, environ, everything))
        except TelemetryError as error:
            return _refuse(error)
    by_rule = visited[2] if rules else ()
    ratios = ratios_of(settings.sampler) or Ratios((), ratio)
    found = figures(visited[0], visited[1], by_rule, ratios)
    bill = bill_of(
        found,
        traffic,
        by_rule,
        settings,
        ratios,
        rate=options.rate,
        processes=options.processes,
        prices=_prices(options),
    )
    described = settings.sampler.name + (f", ratio {ratio:g}" if ratio != 1 else "")
    shown = {"sampler": described, "rate": options.rate, "price": options.price}
    if options.json:
        text = as_json(found, times=options.times, bill=bill, **shown)
    else:
        lines = [*table(found, times=options.times, **shown), "", *bill_table(bill)]
        text = "\n".join(lines)
    sys.stdout.write(f"{text}\n")
    return 0


def _refuse(error: Exception) -> int:
    sys.stderr.write(f"{error}\n")
    return 2


def _pages(options: argparse.Namespace) -> list[Page]:
    given = list(options.page)
    if options.pages is not None:
        lines = options.pages.read_text().splitlines()
        given += [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return [parse_page(value) for value in given or ["/"]]


def _check(options: argparse.Namespace) -> None:
    if options.times < 1:
        raise ValueError(f"--times {options.times}: wanted at least 1")
    if options.rate <= 0:
        raise ValueError(f"--rate {options.rate:g}: wanted more than 0")
    if options.processes < 1:
        raise ValueError(f"--processes {options.processes}: wanted at least 1")
    if options.spans < 0:
        raise ValueError(f"--spans {options.spans:g}: wanted at least 0")
    for name in ("price", *(f"price_{kind.replace(' ', '_')}" for kind in _PRICES)):
        price = getattr(options, name)
        if price is not None and price < 0:
            raise ValueError(f"--{name.replace('_', '-')} {price:g}: wanted at least 0")
    if (options.application is None) == (options.from_log is None):
        raise ValueError("wanted an application, as module:attribute, or --from-log FILE")


def _prices(options: argparse.Namespace) -> Prices:
    names = [kind.replace(" ", "_") for kind in _PRICES]
    given = {name: getattr(options, f"price_{name}") for name in names}
    return Prices(**{n: options.price if price is None else price for n, price in given.items()})


def _from_log(options: argparse.Namespace, settings: Settings) -> int:
    """Print the bill of a log's lines."""
    with options.from_log.open(encoding="utf-8", errors="replace") as file:
        lines = read_lines(file)
    ratio, _ = _applied(settings.sampler)
    bill = bill_from_log(
        lines,
        settings,
        ratio,
        processes=options.processes,
        spans=options.spans,
        prices=_prices(options),
    )
    text = json.dumps(bill_as_dict(bill), indent=2) if options.json else "\n".join(bill_table(bill))
    sys.stdout.write(f"{text}\n")
    return 0


def _applied(sampler: SamplerSettings) -> tuple[float, bool]:
    """Return the sampling ratio, and whether the sampler has rules as well."""
    if sampler.name in RATIO:
        return float(sampler.arg or 1.0), sampler.name == "tail"
    return (0.0 if sampler.name.endswith("always_off") else 1.0), False
