"""Head samplers by their standard names."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    set_span_in_context,
)

from telemetry.request import RequestRecord, attach_record
from telemetry.settings import SamplerSettings
from telemetry.traces import samplers
from telemetry.traces.samplers import build_id_generator, build_sampler

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOW, HIGH = 1, 2**64 - 1


def _kept(name: str, arg: str | None, trace_id: int, parent: bool | None = None) -> bool:
    context = Context()
    if parent is not None:
        flags = TraceFlags(TraceFlags.SAMPLED if parent else TraceFlags.DEFAULT)
        context = set_span_in_context(
            NonRecordingSpan(SpanContext(trace_id, 1, is_remote=True, trace_flags=flags)), context
        )
    sampler = build_sampler(SamplerSettings(name, arg))
    return sampler.should_sample(context, trace_id, "GET").decision is Decision.RECORD_AND_SAMPLE


@pytest.mark.parametrize(
    ("name", "arg", "low", "high", "after_kept", "after_dropped"),
    [
        ("always_on", None, True, True, True, True),
        ("always_off", None, False, False, False, False),
        ("parentbased_always_on", None, True, True, True, False),
        ("parentbased_always_off", None, False, False, True, False),
        ("traceidratio", "0.5", True, False, True, True),
        ("traceidratio", None, True, True, True, True),
        ("parentbased_traceidratio", "0.5", True, False, True, False),
        ("parentbased_traceidratio", "0", False, False, True, False),
    ],
)
def test_the_specification_s_samplers(
    name: str, arg: str | None, low: bool, high: bool, after_kept: bool, after_dropped: bool
) -> None:
    """By trace id, and by what the parent decided."""
    assert _kept(name, arg, LOW) is low
    assert _kept(name, arg, HIGH) is high
    assert _kept(name, arg, LOW, parent=True) is after_kept
    assert _kept(name, arg, LOW, parent=False) is after_dropped


@pytest.mark.parametrize("mark", ["excluded", "untraced"])
def test_an_excluded_or_untraced_request_has_no_spans(mark: str) -> None:
    """Whatever the sampler says, in that request's context and in no other."""
    sampler = build_sampler(SamplerSettings("always_on"))
    record = RequestRecord("GET", INVALID_SPAN)
    context = attach_record(record, Context())
    assert sampler.should_sample(context, LOW, "x").decision is Decision.RECORD_AND_SAMPLE
    setattr(record, mark, True)
    assert sampler.should_sample(context, LOW, "x").decision is Decision.DROP
    record.ended = True
    assert sampler.should_sample(context, LOW, "x").decision is Decision.DROP
    assert sampler.should_sample(Context(), LOW, "x").decision is Decision.RECORD_AND_SAMPLE


def test_what_links_to_an_untraced_request_is_dropped_with_it() -> None:
    """A write that it did not wait for; a client that knows the id chooses nothing by it."""
    sampler = build_sampler(SamplerSettings("always_on"))
    record = RequestRecord("GET", INVALID_SPAN)
    record.untraced = True
    sampler.should_sample(attach_record(record, Context()), LOW, "GET")
    for remote, decision in ((False, Decision.DROP), (True, Decision.RECORD_AND_SAMPLE)):
        links = [Link(SpanContext(LOW, 1, remote))]
        assert sampler.should_sample(Context(), HIGH, "x", links=links).decision is decision


def test_so_many_untraced_requests_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What links to an older one has spans."""
    monkeypatch.setattr(samplers, "MAX_DROPPED", 1)
    sampler = build_sampler(SamplerSettings("always_on"))
    record = RequestRecord("GET", INVALID_SPAN)
    record.untraced = True
    for trace_id in (LOW, HIGH):
        sampler.should_sample(attach_record(record, Context()), trace_id, "GET")
    for trace_id, decision in ((LOW, Decision.RECORD_AND_SAMPLE), (HIGH, Decision.DROP)):
        links = [Link(SpanContext(trace_id, 1, is_remote=False))]
        assert sampler.should_sample(Context(), 5, "x", links=links).decision is decision


def test_its_description_is_the_sampler_s() -> None:
    """Which `python -m telemetry config` and the SDK's own logs show."""
    description = build_sampler(SamplerSettings("traceidratio", "0.25")).get_description()
    assert "0.25" in description


PLANTED = """
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

def sampler(argument):
    return TraceIdRatioBased(float(argument))

class Ids(RandomIdGenerator):
    def generate_span_id(self):
        return 7
"""


@pytest.fixture
def _planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install a package with a sampler and an id generator."""
    (tmp_path / "planted_traces.py").write_text(PLANTED)
    metadata = tmp_path / "planted_traces-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: planted-traces\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(
        "[opentelemetry_traces_sampler]\nplanted = planted_traces:sampler\n"
        "[opentelemetry_id_generator]\nplanted = planted_traces:Ids\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("planted_traces", None)


@pytest.mark.usefixtures("_planted")
def test_an_installed_sampler_and_id_generator_are_used() -> None:
    """By the names of their entry points; the sampler is given the argument."""
    sampler = build_sampler(SamplerSettings("planted", "0.5"))
    assert sampler.should_sample(None, LOW, "GET").decision is Decision.RECORD_AND_SAMPLE
    assert sampler.should_sample(None, HIGH, "GET").decision is Decision.DROP
    assert "0.5" in sampler.get_description()
    assert build_id_generator("planted").generate_span_id() == 7


def test_the_route_of_a_span_of_a_framework_is_that_of_the_request() -> None:
    """Contrib's instrumentors give it when they start a span; the first counts."""
    sampler = build_sampler(SamplerSettings("always_on", None))
    record = RequestRecord("GET", INVALID_SPAN)
    context = attach_record(record, Context())
    for attributes, route in (
        ({"http.route": 5}, None),
        ({"http.route": "/{first}"}, "/{first}"),
        ({"http.route": "/{second}"}, "/{first}"),
    ):
        sampler.should_sample(context, LOW, "x", attributes=attributes)
        assert record.route == route
    late = RequestRecord("GET", INVALID_SPAN)
    late.ended = True
    sampler.should_sample(
        attach_record(late, Context()), LOW, "x", attributes={"http.route": "/late"}
    )
    assert late.route is None
