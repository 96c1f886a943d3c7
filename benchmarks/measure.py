"""Runs the rounds: in each, every variant serves each page, slice by slice in turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.client import Client
    from benchmarks.pages import Page
    from benchmarks.receivers import Remote

# A busy second of the machine then falls on all variants and not on one.
SLICES = 10


@dataclass(frozen=True, slots=True)
class Target:
    """A running server's client; the bare one has nobody to send to."""

    client: Client
    receiver: Remote | None


@dataclass(frozen=True, slots=True)
class Sample:
    """What one round of one page cost one variant, and what its receiver got."""

    requests: int
    cpu_seconds: float
    received: int

    @property
    def milliseconds(self) -> float:
        """CPU a request."""
        return self.cpu_seconds * 1000 / self.requests


Samples = dict[tuple[str, str], list[Sample]]
"""By the page's title and the variant's name, a sample for each round."""


def measure(
    targets: Mapping[str, Target],
    pages: Sequence[Page],
    rounds: int,
    say: Callable[[str], None],
) -> Samples:
    """Give every variant's samples of every page, after a warm-up that is not kept."""
    samples: Samples = {}
    for number in range(rounds + 1):
        say(f"round {number} of {rounds}" if number else "warm-up")
        for page in pages:
            for name, sample in _round(targets, page, number).items():
                if number:
                    samples.setdefault((page.title, name), []).append(sample)
    return samples


def _round(targets: Mapping[str, Target], page: Page, number: int) -> dict[str, Sample]:
    names = list(targets)
    # From here to the flush at the end, what a server's threads send while the
    # others are served included: whenever a batch leaves, it is paid for.
    before = {name: target.client.flushed_cpu_seconds() for name, target in targets.items()}
    for target in targets.values():
        if target.receiver is not None:
            target.receiver.take_count()
    for part in range(SLICES):
        # Who comes after a heavy neighbour finds the caches cold: each in turn.
        shift = (number + part) % len(names)
        times = page.requests * (part + 1) // SLICES - page.requests * part // SLICES
        for name in names[shift:] + names[:shift]:
            targets[name].client.request_page(page, times)
    return {
        name: Sample(
            requests=page.requests,
            cpu_seconds=target.client.flushed_cpu_seconds() - before[name],
            # After the flush, so that nothing is still on its way.
            received=0 if target.receiver is None else target.receiver.take_count(),
        )
        for name, target in targets.items()
    }
