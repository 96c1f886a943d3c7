"""`python -m benchmarks`: the cost of telemetry for each request."""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.client import Client
from benchmarks.latency import SLICES, measure_latencies
from benchmarks.measure import Target, measure
from benchmarks.pages import choose_pages, prepare
from benchmarks.receivers import Remote, sentry_sink, span_receiver
from benchmarks.report import Report
from benchmarks.result import rows
from benchmarks.variants import VARIANTS
from tests.support.servers import serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.measure import Samples

ROUNDS = 15
RESULTS = Path(__file__).with_name("RESULTS.md")
PICTURE = Path(__file__).with_name("results.svg")
COMMAND = "python -m benchmarks --write"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    report = run(options.rounds, quick=options.quick)
    sys.stdout.write(report.text())
    if options.json:
        options.json.write_text(report.json())
    if options.picture:
        options.picture.write_text(report.picture())
    if report.void:
        return 1
    if options.write:
        RESULTS.write_text(_results(report))
        PICTURE.write_text(report.picture())
    return 0


def run(rounds: int, *, quick: bool = False) -> Report:
    """Prepare the host, start all servers, measure, and stop the servers."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        _say("preparing the host")
        env = prepare(folder)
        pages = choose_pages(env)
        if quick:
            pages = [replace(page, requests=max(2, page.requests // 10)) for page in pages]
        sink = stack.enter_context(sentry_sink())
        samples: Samples = {}
        for number in range(1, rounds + 1):
            # New ones: a process is some hundredths faster or slower than another one that runs the
            # same code, by where its memory lies.
            stack.enter_context(servers := ExitStack())
            _say(f"servers for round {number} of {rounds}")
            targets = _start(servers, env, sink)
            for key, found in measure(targets, pages, 1, _say).items():
                samples.setdefault(key, []).extend(found)
            if number < rounds:
                servers.close()
        ports = {name: target.client.port for name, target in targets.items()}
        latencies = measure_latencies(ports, pages, _say, 1 if quick else SLICES)
        results = [(page, rows(page, samples)) for page in pages]
        return Report(rounds, results, sink.take_count(), latencies)


def _start(stack: ExitStack, env: Mapping[str, str], sink: Remote) -> dict[str, Target]:
    targets = {}
    for variant in VARIANTS:
        receiver = stack.enter_context(span_receiver()) if variant.sends else None
        variables = variant.environment(receiver.url if receiver else "", sink.url)
        server = stack.enter_context(
            serve_uvicorn(
                variant.app,
                env={**env, **variables},
                args=[*variant.arguments],
                # A new interpreter, as in production: no fork.
                python=Path(sys.executable),
            )
        )
        client = stack.enter_context(closing(Client(server.port)))
        targets[variant.name] = Target(client, receiver)
    return targets


def _results(report: Report) -> str:
    return (
        f"# Results\n\nPrinted, and written here, by `{COMMAND}`.\n\n"
        f"![Ratios of CPU time to the bare host's]({PICTURE.name})\n\n"
        f"```\n{report.text()}```\n"
    )


def _say(what: str) -> None:
    # To stderr, so that `python -m benchmarks > file` writes only the table.
    print(what, file=sys.stderr, flush=True)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, help=f"default {ROUNDS}; 2 with --quick")
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the requests: that it works, not how well"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there too")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="write the picture there too")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name} anew")
    options = parser.parse_args(arguments)
    if options.rounds is None:
        options.rounds = 2 if options.quick else ROUNDS
    if options.rounds < 1:
        parser.error("--rounds: wanted at least 1")
    if options.write and (options.quick or options.rounds < ROUNDS):
        parser.error(f"--write: wanted a full run of at least {ROUNDS} rounds")
    return options


if __name__ == "__main__":
    sys.exit(main())
