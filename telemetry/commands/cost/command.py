"""Command line of `cost`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from telemetry.commands.cost.driving import parse_page, visit
from telemetry.commands.cost.figures import figures
from telemetry.commands.cost.report import as_json, table
from telemetry.exceptions import ConfigurationError, TelemetryError
from telemetry.settings import read_settings
from telemetry.settings.installed import RATIO

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from telemetry.commands.cost.driving import Page
    from telemetry.settings import SamplerSettings

TIMES = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("application", help="ASGI application, as module:attribute")
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
    parser.add_argument("--price", type=float, help="price of a million spans")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")


def run(options: argparse.Namespace) -> int:
    """Serve the application, request its pages and print the figures.

    Returns 0, or 2 with the problem printed.
    """
    try:
        pages = _pages(options)
        _check(options)
        settings = read_settings(os.environ, default_service_name="cost")
    except (ConfigurationError, OSError, ValueError) as error:
        return _refuse(error)
    every = {"OTEL_TRACES_SAMPLER": "always_on"}
    stages = (
        ("each query a span", {**every, "TELEMETRY_FOLD_BELOW": "0ms"}),
        ("folded", every),
        ("by rule", {"OTEL_TRACES_SAMPLER": "tail", "OTEL_TRACES_SAMPLER_ARG": "0"}),
    )
    ratio, rules = _applied(settings.sampler)
    visited = []
    for name, variables in stages if rules else stages[:2]:
        # To stderr, so that `--json > file` writes only the result.
        sys.stderr.write(f"visiting {len(pages)} pages: {name}\n")
        environ: Mapping[str, str] = {**os.environ, **variables}
        try:
            visited.append(visit(options.application, pages, options.times, environ))
        except TelemetryError as error:
            return _refuse(error)
    found = figures(visited[0], visited[1], visited[2] if rules else (), ratio)
    described = settings.sampler.name + (f", ratio {ratio:g}" if ratio != 1 else "")
    shown = {"sampler": described, "rate": options.rate, "price": options.price}
    if options.json:
        text = as_json(found, times=options.times, **shown)
    else:
        text = "\n".join(table(found, times=options.times, **shown))
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
    if options.price is not None and options.price < 0:
        raise ValueError(f"--price {options.price:g}: wanted at least 0")


def _applied(sampler: SamplerSettings) -> tuple[float, bool]:
    """Return the sampling ratio, and whether the sampler has rules as well."""
    if sampler.name in RATIO:
        return float(sampler.arg or 1.0), sampler.name == "tail"
    return (0.0 if sampler.name.endswith("always_off") else 1.0), False
