"""A ratio by trace id, written down in the standard way; nobody's flag changes it."""

from __future__ import annotations

import random
from importlib.metadata import entry_points

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Decision, SamplingResult
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    StatusCode,
    TraceFlags,
    TraceState,
)

from telemetry.traces.tail import TailSampler, create_sampler

SPAN = 0xB7AD6B7169203331


def _context(trace_id: int, flags: int, *, remote: bool, state: str = "") -> SpanContext:
    entries = [tuple(state.split("="))] if state else []
    return SpanContext(trace_id, SPAN, remote, TraceFlags(flags), TraceState(entries))  # type: ignore[arg-type]


def _sample(
    sampler: TailSampler,
    trace_id: int,
    parent: SpanContext | None = None,
    link: SpanContext | None = None,
) -> SamplingResult:
    context = trace.set_span_in_context(NonRecordingSpan(parent)) if parent else Context()
    return sampler.should_sample(context, trace_id, "GET", links=[Link(link)] if link else None)


def _ids(number: int) -> list[int]:
    generator = random.Random(1)
    return [generator.getrandbits(128) for _ in range(number)]


@pytest.mark.parametrize(
    ("ratio", "th"),
    [(1.0, "0"), (0.5, "8"), (0.25, "c"), (0.05, "f333333333333"), (0.1, "e666666666666")],
)
def test_the_ratio_is_applied_and_written_down(ratio: float, th: str) -> None:
    """As the threshold that the trace's last 56 bits have reached, without zeros at its end."""
    sampler = TailSampler(ratio)
    ids = _ids(20_000)
    sampled = {i for i in ids if _sample(sampler, i).decision is Decision.RECORD_AND_SAMPLE}
    assert len(sampled) / len(ids) == pytest.approx(ratio, abs=0.01)
    for each in sampled:
        state = _sample(sampler, each).trace_state
        assert state is not None
        assert state["ot"].startswith(f"th:{th}")
        assert each & (2**56 - 1) >= int(state["ot"].removeprefix("th:").ljust(14, "0"), 16)


def test_the_rest_is_recorded_and_says_nothing() -> None:
    """Somebody may yet keep it; it is not sampled, and so has no threshold."""
    for each in _ids(100):
        result = _sample(TailSampler(0), each)
        assert result.decision is Decision.RECORD_ONLY
        assert not result.trace_state


@pytest.mark.parametrize("flags", [0, 1])
def test_a_trusted_parent_is_followed(flags: int) -> None:
    """It has decided for the whole trace; its state is passed on."""
    parent = _context(2**127 + 5, flags, remote=True, state="ot=th:8")
    result = _sample(TailSampler(0.5), parent.trace_id, parent)
    expected = Decision.RECORD_AND_SAMPLE if flags else Decision.RECORD_ONLY
    assert result.decision is expected
    assert result.trace_state is parent.trace_state


def test_what_links_to_a_trace_here_is_sampled_with_it() -> None:
    """With the randomness that decided, not its own id's; a client's link decides nothing."""
    sampler = TailSampler(0.5)
    high, low = (0x1 << 64) + 2**56 - 1, (0x1 << 64) + 1
    kept = _sample(sampler, low, link=_context(high, 1, remote=False))
    assert kept.decision is Decision.RECORD_AND_SAMPLE
    assert kept.trace_state is not None
    assert kept.trace_state["ot"] == "th:8;rv:ffffffffffffff"
    assert _sample(sampler, high, link=_context(low, 0, remote=False)).decision is (
        Decision.RECORD_ONLY
    )
    for flags in (0, 1):
        for trace_id, decision in (
            (high, Decision.RECORD_AND_SAMPLE),
            (low, Decision.RECORD_ONLY),
        ):
            link = _context(low if trace_id == high else high, flags, remote=True)
            assert _sample(sampler, trace_id, link=link).decision is decision


def test_children_carry_it_on() -> None:
    """On the SDK's own provider: the whole trace has the root's threshold."""
    provider = TracerProvider(TailSampler(1), shutdown_on_exit=False)
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("root", attributes={"kept": 1}) as root:
        child = tracer.start_span("child")
    assert root.attributes["kept"] == 1  # type: ignore[attr-defined]
    assert root.get_span_context().trace_state["ot"] == "th:0"
    assert child.get_span_context().trace_state["ot"] == "th:0"


@pytest.mark.parametrize(("given", "ratio"), [(None, 1), ("", 1), ("0.05", 0.05), ("0", 0)])
def test_the_entry_point_reads_its_argument(given: str | None, ratio: float) -> None:
    """Unset keeps all, as OpenTelemetry's ratio samplers do."""
    assert create_sampler(given).get_description() == f"TailSampler{{{ratio:g}}}"


@pytest.mark.parametrize("given", ["ratio=0.05", "5", "-1", "nan"])
def test_an_argument_that_is_no_ratio_is_an_error(given: str) -> None:
    """Wherever it comes from."""
    with pytest.raises(ValueError, match="wanted a number from 0 to 1"):
        create_sampler(given)


def test_without_our_processor_it_is_plain_ratio_sampling() -> None:
    """By its entry point, on the SDK's provider: exporters take what is sampled and no more."""
    [point] = entry_points(group="opentelemetry_traces_sampler", name="tail")
    exported = InMemorySpanExporter()
    provider = TracerProvider(point.load()("0.25"), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exported))
    for number in range(2_000):
        with provider.get_tracer("test").start_as_current_span("root", Context()) as span:
            if number % 2:
                span.set_status(StatusCode.ERROR)
    assert len(exported.get_finished_spans()) / 2_000 == pytest.approx(0.25, abs=0.06)
