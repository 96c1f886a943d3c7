"""Measures what telemetry adds, in whole and by part, with a server for each configuration."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from types import MappingProxyType
from typing import TYPE_CHECKING

from benchmarks.instructions.figures import Added, Details
from benchmarks.instructions.run import (
    cases,
    compile_library,
    count,
    count_functions,
    everything,
)
from benchmarks.pages import prepare
from benchmarks.receivers import sentry_sink, span_receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from benchmarks.instructions.run import Case, Count

BARE, OURS = "bare", "ours"
# Variables that turn one part off.
PARTS: Mapping[str, Mapping[str, str]] = {
    "traces": {"OTEL_TRACES_EXPORTER": "none"},
    "metrics": {"OTEL_METRICS_EXPORTER": "none"},
    "the access line": {"TELEMETRY_ACCESS_LOG": "none"},
    "error tracking": {"SENTRY_DSN": ""},
    "redaction": {"TELEMETRY_REDACT": "none"},
}
# Cases that are counted by part: a page of 100 ms takes too long.
COUNTED_BY_PART = ("edge", "row")
# Sets of servers, one for each configuration, whose medians are recorded.
SETS = 3
# A function with fewer is not recorded.
_LEAST = 5
_NONE: Mapping[str, str] = MappingProxyType({})


class Measurement:
    """Counts instructions in a prepared host.

    Args:
        folder: an empty folder.
        say: called with progress.
    """

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self._env = prepare(folder / "host")
        self._library = compile_library(folder)
        self._say = say
        self.cases = {case.name: case for case in cases(self._env)}

    def added(
        self, names: Collection[str] = (), variables: Mapping[str, str] = _NONE
    ) -> dict[str, Added]:
        """Return what telemetry adds to each case, or to the named ones.

        Args:
            names: of cases.
            variables: further ones of the observed host.
        """
        wanted = self._wanted(names)
        counts = self._side_by_side({BARE: None, OURS: variables}, wanted)
        return {
            case.name: Added(bare, counts[OURS][case.name].instructions - bare)
            for case in wanted
            for bare in [counts[BARE][case.name].instructions]
        }

    def typical(self) -> dict[str, Added]:
        """Return what telemetry adds to each case, as medians of several sets of servers.

        Servers with the same code differ by more than their requests do, by where memory lies.
        """
        found = [self.added() for _ in range(SETS)]
        return {
            name: Added(
                median([each[name].bare for each in found]),
                median([each[name].added for each in found]),
            )
            for name in self.cases
        }

    def details(
        self,
        names: Collection[str] = (),
        variables: Mapping[str, str] = _NONE,
        *,
        parts: bool = True,
    ) -> dict[str, Details]:
        """Return where the instructions are, by part and by function.

        A part's are medians of several sets of servers, and may be less than these differ by.
        """
        wanted = self._wanted(names)
        by_part: dict[str, dict[str, float]] = {case.name: {} for case in wanted}
        short = [case for case in wanted if parts and case.name in COUNTED_BY_PART]
        if short:
            sets = [self._side_by_side({OURS: {}, **PARTS}, short) for _ in range(SETS)]
            for case in short:
                for part in PARTS:
                    by_part[case.name][part] = median(
                        counts[OURS][case.name].instructions - counts[part][case.name].instructions
                        for counts in sets
                    )
        functions = self._functions(wanted, variables)
        return {name: Details(by_part[name], functions[name]) for name in by_part}

    def _wanted(self, names: Collection[str]) -> list[Case]:
        return [self.cases[name] for name in names or self.cases]

    def _side_by_side(
        self, ways: Mapping[str, Mapping[str, str] | None], wanted: list[Case]
    ) -> dict[str, dict[str, Count]]:
        """Count each configuration, as many at a time as there are processors."""

        def one(way: str) -> dict[str, Count]:
            self._say(f"counting {way}")
            more = ways[way]
            if more is None:
                return count(self._env, self._library, wanted, {})
            with span_receiver() as receiver, sentry_sink() as sink:
                variables = {**everything(receiver.url, sink.url), **more}
                return count(self._env, self._library, wanted, variables)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return dict(zip(ways, pool.map(one, ways), strict=True))

    def _functions(self, wanted: list[Case], more: Mapping[str, str]) -> dict[str, dict[str, int]]:
        self._say("counting by function")
        bare = count_functions(self._env, wanted, {})
        with span_receiver() as receiver, sentry_sink() as sink:
            ours = count_functions(
                self._env, wanted, {**everything(receiver.url, sink.url), **more}
            )
        return {
            name: {
                function: added
                for function, number in counts.items()
                if (added := number - bare[name][function]) >= _LEAST
            }
            for name, counts in ours.items()
        }
