"""How much of what clients can cause is sent, by a clock that the tests set."""

from __future__ import annotations

import logging
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.export import budgets as module
from telemetry.export.budgets import MINUTE, Budgets
from telemetry.settings.model import BudgetSettings


class Process:
    """The budgets of a process, and its clock."""

    def __init__(self, **limits: int | bool) -> None:
        self.now = 1000.0
        self.settings = BudgetSettings(**limits)  # type: ignore[arg-type]
        self.budgets = Budgets(self.settings, lambda: self.now)

    @property
    def counts(self) -> dict[str, int]:
        return {reason: count for reason, count in self.budgets.left_out.counts.items() if count}

    def traces(self, number: int, *, by_request: bool = False) -> int:
        """How many of a number of traces are kept."""
        return sum(self.budgets.traces.take(by_request=by_request) for _ in range(number))

    def events(self, number: int, group: str = "group", *, by_request: bool = False) -> int:
        """How many of a number of events are sent."""
        admitted = (
            self.budgets.events.admit([group], by_request=by_request) for _ in range(number)
        )
        return sum(each.is_admitted for each in admitted)


def test_the_defaults_are_those_of_the_documentation() -> None:
    """As literals: they are what a flood can cost."""
    assert BudgetSettings() == BudgetSettings(60, 10, 60, 5, request_errors=True)


def test_traces_of_a_minute_are_limited_and_the_next_minute_is_new() -> None:
    """Of any minute, not of those that a clock shows."""
    process = Process(traces=10)
    assert process.traces(7) == 7
    process.now += 50
    assert process.traces(7) == 3
    process.now += 10
    assert process.traces(20) == 7
    assert process.counts == {"traces": 17}


def test_half_of_a_budget_is_reserved_for_the_host() -> None:
    """Requests that cause their own failures can't use it up."""
    process = Process(traces=10, events=10, events_of_a_group=10)
    assert process.traces(1000, by_request=True) == 5
    assert process.traces(1000) == 5
    assert process.events(1000, "first", by_request=True) == 5
    assert process.events(1000, "second") == 5


def test_first_events_of_requests_take_nothing_of_what_is_reserved() -> None:
    """A client may know a hundred places where Datasette fails: the first of each is sent."""
    process = Process(traces=10, events=10, events_of_a_group=10)
    assert process.events(1, "host") == 1
    groups = [str(number) for number in range(100)]
    assert [process.events(1, group, by_request=True) for group in groups] == [1] * 100
    assert [process.events(1, group, by_request=True) for group in groups] == [0] * 100
    # Not the first of its group.
    assert process.events(1000, "host") == 4
    for _ in range(100):
        process.budgets.traces.take(by_request=True, always=True)
    assert process.traces(1000) == 5


def test_the_first_of_each_group_is_sent_and_the_next_one_says_how_many_were_not() -> None:
    """However many there were meanwhile."""
    process = Process(events=10, events_of_a_group=2)
    assert process.events(200, "flood") == 2
    assert process.events(10, "second") == 2
    groups = [str(number) for number in range(30)]
    assert [process.events(1, group) for group in groups] == [1] * 30
    # The budget is used up, for what has been seen.
    assert [process.events(1, group) for group in groups] == [0] * 30
    process.now += MINUTE
    admission = process.budgets.events.admit(["flood"])
    assert (admission.is_admitted, admission.is_first, admission.left_out) == (True, False, 198)
    assert process.budgets.events.admit(["flood"]).left_out == 0
    assert process.counts == {"event_group": 206, "events": 30}


def test_events_of_requests_can_be_turned_off() -> None:
    """Not those of the host, of the same group."""
    process = Process(request_errors=False)
    assert process.events(7, by_request=True) == 0
    assert process.events(7) == 5
    assert process.counts == {"request_errors": 7, "event_group": 2}


def test_log_records_of_requests_have_the_limits_of_events() -> None:
    """And are counted apart; events that are turned off do not turn them off."""
    process = Process(events_of_a_group=2, request_errors=False)
    sent = [process.budgets.admit_log_record(["group"]) for _ in range(9)]
    assert sent == [True, True, *[False] * 7]
    assert process.counts == {"log_records": 7}
    assert process.events(1) == 1


@pytest.mark.parametrize("limit", [0, 1])
def test_the_smallest_limits(limit: int) -> None:
    """Of 0 there is nothing but the first of each group; of 1, one."""
    process = Process(traces=limit, events=limit, events_of_a_group=limit)
    assert process.traces(5, by_request=True) == limit
    assert process.events(5, "first") == 1
    assert process.events(5, "second") == 1


def test_an_episode_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """It ends when nothing was left out for a minute; a later one is another."""
    process = Process(traces=1, events_of_a_group=1)
    with caplog.at_level(logging.WARNING, "telemetry"):
        for _ in range(200):
            process.now += 1
            process.traces(5)
        [record] = caplog.records
        assert record.message == (
            "more than 1 traces were kept by rule within a minute: of the others the ratio "
            "decides, until there are fewer; TELEMETRY_TRACE_LIMIT sets the limit"
        )
        process.now += MINUTE
        process.traces(5)
        process.events(5)
    assert Counter(
        next(name for name in ("TRACE_LIMIT", "EVENT_GROUP_LIMIT") if name in each.message)
        for each in caplog.records
    ) == {"TRACE_LIMIT": 2, "EVENT_GROUP_LIMIT": 1}


def test_a_forked_child_counts_anew() -> None:
    """What the parent has left out, the parent says."""
    process = Process(traces=1)
    process.traces(5)
    process.budgets.forked()
    assert process.counts == {}


def test_groups_are_forgotten_the_longest_unseen_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that names groups by what clients type can't fill the memory."""
    monkeypatch.setattr(module, "MAX_GROUPS", 3)
    process = Process(events=100, events_of_a_group=1)
    assert [process.events(1, group) for group in "abcad"] == [1, 1, 1, 0, 1]
    # "b" was forgotten, and "a" was seen since.
    assert [process.events(1, group) for group in "ab"] == [0, 1]


@given(
    st.lists(
        st.tuples(st.floats(0, 30), st.sampled_from("abc"), st.booleans()),
        max_size=150,
    )
)
def test_no_minute_has_more_than_the_budget(steps: list[tuple[float, str, bool]]) -> None:
    """Whatever comes when: traces and events of any minute, those of a group, and of requests."""
    process = Process(traces=6, events=6, events_of_a_group=3)
    traces: list[float] = []
    events: list[tuple[float, str]] = []
    counted = 0
    for seconds, group, by_request in steps:
        process.now += seconds
        if process.traces(1, by_request=by_request):
            traces.append(process.now)
        if process.events(1, group, by_request=by_request):
            events.append((process.now, group))
        counted += 2
    for start in traces:
        assert sum(start <= when < start + MINUTE for when in traces) <= 6
    for start, _ in events:
        minute = [group for when, group in events if start <= when < start + MINUTE]
        # The first of each of three groups.
        assert len(minute) <= 6 + 3
        assert max(Counter(minute).values()) <= 3
    assert len(traces) + len(events) + sum(process.counts.values()) == counted
