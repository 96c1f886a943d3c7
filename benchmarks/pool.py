"""`python -m benchmarks.pool`: the cost of a kept site, of a new one, and of one in 1,000."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from textwrap import fill
from typing import TYPE_CHECKING

from benchmarks.client import Client
from benchmarks.machine import machine, packages
from benchmarks.pages import ROOT_DOMAIN, Page, choose_pages
from tests.support.host import add_sites, prepare_host
from tests.support.servers import serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOM = 50
VISITED = (10, 50, 100, 1000)
SITES = max(VISITED)
ROUNDS = 5
HITS = 20
# More, to include what happens once in two seconds and once in thirty.
KEPT_HITS = 300
RESULTS = Path(__file__).with_name("POOL.md")
COMMAND = "python -m benchmarks.pool --write"


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds for each request: the median of wall clock time, and the mean of CPU time."""

    clock: float
    cpu: float


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pool", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name} anew")
    options = parser.parse_args(arguments)
    text = "\n".join(_run()) + "\n"
    sys.stdout.write(text)
    if options.write:
        RESULTS.write_text(
            f"# The pool\n\nPrinted, and written here, by `{COMMAND}`.\n\n```\n{text}```\n"
        )
    return 0


def _run() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        env = {**prepare_host(folder), "SITES_POOL_SIZE": str(ROOM)}
        _, row, table = choose_pages(env)
        names = _many_sites(folder / "sites", row, env)
        yield from _scale(env, names, row)
        yield ""
        yield from _kept_against_per_request(env, (row, table))
        yield ""
        yield from _sealed_against_not(env, names, table)
    yield ""
    yield fill(machine(), 80)
    yield fill(packages(), 80, break_on_hyphens=False)


def _many_sites(sites: Path, page: Page, env: Mapping[str, str]) -> list[str]:
    """Register and fill 1,000 sites, each with a hard link to the same file."""
    source = sites / _site(page) / "meetings.db"
    names = [f"town{number:04}.ca" for number in range(SITES)]
    for name in names:
        (sites / name).mkdir()
        os.link(source, sites / name / "meetings.db")
    add_sites(env, [(name, name.title(), "CA", None) for name in names])
    return names


def _scale(env: Mapping[str, str], names: Sequence[str], page: Page) -> Iterator[str]:
    yield f"{SITES} registered sites, room for {ROOM}. GET {page.path}"
    yield "  sites    a site's first request    once it is kept      memory  threads"
    yield "  visited  clock ms       CPU ms     clock ms  CPU ms         MB"
    with ExitStack() as stack:
        client = _serve(stack, "bare", env)
        # First the process's start-up costs: imports, templates, the directory.
        _visit(client, page, [_site(page)])
        before = 0
        for visited in VISITED:
            _say(f"{visited} sites")
            first = _visit(client, page, names[before:visited])
            # Until the Datasettes that were evicted are closed.
            time.sleep(2)
            kept = _visit(client, page, [names[visited - 1]] * KEPT_HITS)
            before = visited
            usage = client.usage()
            yield (
                f"  {visited:>7}  {first.clock:>8.1f}  {first.cpu:>11.1f}  {kept.clock:>11.2f}"
                f"  {kept.cpu:>6.2f}  {usage['resident_megabytes']:>9.0f}  {usage['threads']:>7.0f}"
            )


def _kept_against_per_request(env: Mapping[str, str], pages: Sequence[Page]) -> Iterator[str]:
    yield "Kept, against a Datasette for each request as upstream has it:"
    yield _header("kept", "per request")
    with ExitStack() as stack:
        kept = _serve(stack, "bare", env)
        anew = _serve(stack, "per_request", env)
        for page in pages:
            yield _compare(page.title, partial(_ask, kept, page), partial(_ask, anew, page))
        threads = [client.usage()["threads"] for client in (kept, anew)]
        yield f"  {'threads afterwards':<28}{threads[0]:>9.0f}{threads[1]:>13.0f}"


def _sealed_against_not(env: Mapping[str, str], names: Sequence[str], table: Page) -> Iterator[str]:
    yield "A read-only file, opened as immutable, against a writable one:"
    yield _header("sealed", "not")
    sealed, other = names[:2]
    path = Path(env["SITES_DIR"]) / sealed / "meetings.db"
    # A copy: the files of the sites are hard links to one file.
    copy = path.with_name(".copy.db")
    shutil.copyfile(path, copy)
    copy.replace(path)
    path.chmod(0o444)
    with ExitStack() as stack:
        client = _serve(stack, "bare", env)
        for title, where in (("a table page", table.path), ("a database page", "/meetings")):
            pages = [
                replace(table, path=where, host=f"{name}.{ROOT_DOMAIN}") for name in (sealed, other)
            ]
            yield _compare(f"Datasette, {title}", *(partial(_ask, client, page) for page in pages))


def _serve(stack: ExitStack, module: str, env: Mapping[str, str]) -> Client:
    server = stack.enter_context(
        serve_uvicorn(f"benchmarks.hosts.{module}:application", env=env, args=["--no-access-log"])
    )
    return stack.enter_context(closing(Client(server.port)))


def _ask(client: Client, page: Page) -> float:
    return _visit(client, page, [_site(page)] * HITS).cpu


def _header(one: str, other: str) -> str:
    return f"  CPU ms a request            {one:>9}{other:>13}   ratio (min-max)"


def _compare(title: str, one: Callable[[], float], other: Callable[[], float]) -> str:
    """Return a line of medians over interleaved rounds. Ratios are within a round."""
    _say(title)
    # The first round is a warm-up and is discarded.
    rounds = [(one(), other()) for _ in range(ROUNDS + 1)][1:]
    ratios = [b / a for a, b in rounds]
    return (
        f"  {title:<28}{median(a for a, _ in rounds):>9.1f}{median(b for _, b in rounds):>13.1f}"
        f"   {median(ratios):>5.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
    )


def _site(page: Page) -> str:
    return page.host.removesuffix(f".{ROOT_DOMAIN}")


def _visit(client: Client, page: Page, names: Sequence[str]) -> Cost:
    """Request the page from each site in turn, and return the cost of one request."""
    clock: list[float] = []
    before = client.flushed_cpu_seconds()
    for name in names:
        began = time.perf_counter()
        client.request_page(Page(page.title, f"{name}.{ROOT_DOMAIN}", page.path, 1), 1)
        clock.append(time.perf_counter() - began)
    spent = client.flushed_cpu_seconds() - before
    return Cost(median(clock) * 1000, spent * 1000 / len(clock))


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
