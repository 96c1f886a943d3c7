"""Runs the rounds. In each, the variants serve each page in turn, slice by slice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.client import Client
    from benchmarks.pages import Page
    from benchmarks.receivers import Remote

# Spreads load by other programs over all variants. A slice has 15 requests and more: the first one
# after another program finds its code in no cache, which took a table page some milliseconds more.
SLICES = 4
# The part of a round's requests that warms up.
WARM_UP = 3


@dataclass(frozen=True, slots=True)
class Target:
    """Client of a running server, and its receiver. The bare one has no receiver."""

    client: Client
    receiver: Remote | None


@dataclass(frozen=True, slots=True)
class Sample:
    """Cost of one page for one variant in one round, and the number of items received."""

    requests: int
    cpu_seconds: float
    received: int
    loop_seconds: float = 0.0
    """Of the CPU seconds, those of the event loop's own thread."""

    @property
    def milliseconds(self) -> float:
        """CPU milliseconds for each request."""
        return self.cpu_seconds * 1000 / self.requests

    @property
    def loop_milliseconds(self) -> float:
        """CPU milliseconds of the event loop's thread for each request."""
        return self.loop_seconds * 1000 / self.requests


Samples = dict[tuple[str, str], list[Sample]]
"""By the page's title and the variant's name, a sample for each round."""


def measure(
    targets: Mapping[str, Target],
    pages: Sequence[Page],
    rounds: int,
    say: Callable[[str], None],
) -> Samples:
    """Return samples of every page and variant, after a short warm-up that is discarded."""
    samples: Samples = {}
    for number in range(rounds + 1):
        say(f"round {number} of {rounds}" if number else "warm-up")
        for page in pages:
            few = replace(page, requests=max(1, page.requests // WARM_UP))
            for name, sample in _round(targets, page if number else few, number).items():
                if number:
                    samples.setdefault((page.title, name), []).append(sample)
    return samples


def _round(targets: Mapping[str, Target], page: Page, number: int) -> dict[str, Sample]:
    names = list(targets)
    # Until the flush at the end, a server's CPU counts even while the others are
    # served, since its threads may export then.
    before = {name: target.client.flushed_usage() for name, target in targets.items()}
    for target in targets.values():
        if target.receiver is not None:
            target.receiver.take_count()
    for part in range(SLICES):
        # Rotated, since a variant finds cold caches after one that does much work.
        shift = (number + part) % len(names)
        times = page.requests * (part + 1) // SLICES - page.requests * part // SLICES
        for name in names[shift:] + names[:shift]:
            targets[name].client.request_page(page, times)
    after = {name: target.client.flushed_usage() for name, target in targets.items()}
    return {
        name: Sample(
            requests=page.requests,
            cpu_seconds=after[name]["cpu_seconds"] - before[name]["cpu_seconds"],
            loop_seconds=after[name]["loop_seconds"] - before[name]["loop_seconds"],
            # After the flush, when everything has arrived.
            received=0 if target.receiver is None else target.receiver.take_count(),
        )
        for name, target in targets.items()
    }
