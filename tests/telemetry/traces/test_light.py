"""A light span is what the SDK's span is, to those who start, change and process it."""

from __future__ import annotations

import inspect
import logging
import random
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Decision, Sampler, SamplingResult
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)

from telemetry.request import RequestRecord, attach_record
from telemetry.settings import SamplerSettings
from telemetry.settings.parse import SampleRatio
from telemetry.traces.light import LightSpan
from telemetry.traces.provider import TracerProvider
from telemetry.traces.samplers import RequestSampler, build_sampler
from telemetry.traces.tracestate import threshold_of
from tests.telemetry.traces.compared import (
    LIMITS,
    REMOTE,
    SCOPE,
    Leaving,
    encoded,
    providers,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.sdk.trace import SpanLimits


KEYS = st.sampled_from(["a", "b", "c", "d", "e", "f", ""])
SCALARS = (
    st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=9)
    | st.binary(max_size=9)
    | st.none()
)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(KEYS, SCALARS, max_size=2)
ATTRIBUTES = st.dictionaries(KEYS, VALUES, max_size=6)
STATUSES = st.sampled_from([*StatusCode])
OPERATIONS = st.one_of(
    st.tuples(st.just("set_attribute"), KEYS, VALUES),
    st.tuples(st.just("set_attributes"), ATTRIBUTES),
    st.tuples(st.just("add_event"), st.text(max_size=5), ATTRIBUTES, st.integers(1, 99)),
    st.tuples(st.just("add_link"), st.sampled_from([REMOTE, trace.INVALID_SPAN_CONTEXT])),
    st.tuples(st.just("add_link"), st.just(trace.INVALID_SPAN_CONTEXT), ATTRIBUTES),
    st.tuples(st.just("update_name"), st.text(max_size=5)),
    st.tuples(st.just("set_status"), STATUSES, st.none() | st.text(max_size=5)),
    st.tuples(st.just("set_status"), st.builds(Status, st.just(StatusCode.ERROR), st.just("d"))),
    st.tuples(st.just("end"), st.integers(100, 200)),
)


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    """Without the warnings of both, for each attribute that is dropped."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@given(
    limits=st.sampled_from([None, LIMITS]),
    kind=st.sampled_from([*SpanKind]),
    attributes=st.none() | ATTRIBUTES,
    operations=st.lists(OPERATIONS, max_size=12),
)
def test_the_same_calls_give_the_same_span(
    limits: SpanLimits | None, kind: SpanKind, attributes: Any, operations: list[tuple[Any, ...]]
) -> None:
    """Attributes, events, links, status, limits, and the bytes that are exported."""
    described, sent = [], []
    for tracer, seen in providers(limits):
        links = [Link(REMOTE, {"l": 1}), Link(trace.INVALID_SPAN_CONTEXT)]
        span = tracer.start_span(
            "first", kind=kind, attributes=attributes, links=links, start_time=50
        )
        for name, *arguments in operations:
            getattr(span, name)(*arguments)
        if span.is_recording():
            span.end(300)
        [ended] = seen.ended
        assert not span.is_recording()
        described.append((shown(ended), seen.started))
        sent.append(encoded(ended))
    assert repr(described[0]) == repr(described[1])
    assert sent[0] == sent[1]


def test_every_public_name_of_the_sdks_span_is_its_own() -> None:
    """What the SDK's class would read or write has other fields."""
    names = {
        name
        for kind in (sdk.Span, sdk.ReadableSpan, trace.Span)
        for name in vars(kind)
        if not name.startswith("_") or name in ("__exit__", "__repr__")
    }
    own = {name for kind in inspect.getmro(LightSpan)[:1] for name in vars(kind)}
    assert names - own == set()


def test_ancestry() -> None:
    """Roots, children of remote and of local spans, of both kinds."""
    remote = trace.set_span_in_context(NonRecordingSpan(REMOTE))
    found = []
    for tracer, seen in providers():
        with tracer.start_as_current_span("root", remote), tracer.start_as_current_span("child"):
            pass
        tracer.start_span("alone").end()
        child, root, alone = map(shown, seen.ended)
        found.append([(each["context"], each["parent"]) for each in (child, root, alone)])
        assert child["context"][0].trace_state.get("vendor") == "1"
    assert found[0] == found[1]


@pytest.mark.parametrize("raised", [ValueError("lost"), Leaving("gone"), None])
@pytest.mark.parametrize("flags", [(True, True, True), (False, True, True), (True, False, False)])
@pytest.mark.parametrize("way", ["as_current", "with"])
def test_exceptions(raised: BaseException | None, flags: tuple[bool, ...], way: str) -> None:
    """Recorded, as status or not, for each way to leave a block."""
    found = []
    record, set_status, end = flags
    for tracer, seen in providers():
        options: dict[str, Any] = {
            "record_exception": record,
            "set_status_on_exception": set_status,
        }
        block: Any = (
            tracer.start_as_current_span("x", end_on_exit=end, **options)
            if way == "as_current"
            else tracer.start_span("x", **options)
        )
        with pytest.raises(type(raised)) if raised else nullcontext(), block as span:
            assert (trace.get_current_span() is span) == (way == "as_current")
            if raised is not None:
                raise raised
        if span.is_recording():
            span.end()
        [ended] = seen.ended
        events = [
            (event.name, {k: v for k, v in (event.attributes or {}).items() if "stack" not in k})
            for event in ended.events
        ]
        found.append((events, ended.status.status_code, ended.status.description))
        assert trace.get_current_span() is trace.INVALID_SPAN
    assert repr(found[0]) == repr(found[1])


@pytest.mark.parametrize(
    "name",
    [
        *("always_on", "always_off", "traceidratio", "tail"),
        *("parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"),
    ],
)
def test_a_child_is_decided_as_the_sampler_would(name: str) -> None:
    """Though it is not asked for each."""
    for ids in range(20):
        found: list[Any] = []
        for tracer, seen in providers(sampler=build_sampler(SamplerSettings(name, "0.5"))):
            parent = SpanContext(ids << 52 | 1, 5, True, TraceFlags(ids & 1), TraceState())
            above = trace.set_span_in_context(NonRecordingSpan(parent))
            for context in (above, None):
                with (
                    tracer.start_as_current_span("root", context) as root,
                    tracer.start_as_current_span("child") as child,
                ):
                    found.append((root.get_span_context(), child.get_span_context()))
            found.append(tuple(span.name for span in seen.ended))
        half = len(found) // 2
        assert repr(found[:half]) == repr(found[half:])


BY_SITE = (SampleRatio("site", "a", 0.25),)
SAMPLERS = [
    SamplerSettings("always_on", None),
    SamplerSettings("parentbased_always_on", None),
    *(SamplerSettings("tail", ratio) for ratio in ("0", "0.3", "0.5", "1")),
    *(SamplerSettings("tail", ratio, BY_SITE) for ratio in ("0", "0.3", "1")),
]


@pytest.mark.parametrize("is_random", [True, False], ids=["random", "not random"])
@pytest.mark.parametrize(
    "settings", SAMPLERS, ids=lambda each: f"{each.name} {each.arg} {len(each.ratios)}"
)
def test_a_request_is_decided_as_the_sampler_would(
    settings: SamplerSettings, is_random: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though it is not asked: by random ids and those next to a threshold."""
    near = [threshold_of(each) for each in (0, 0.25, 0.3, 0.5, 1)]
    ids = [1 << 100 | each for found in near for each in (found - 1, found, found + 1) if each >= 0]
    generator = random.Random(1)
    ids += [generator.getrandbits(128) for _ in range(100)]
    sampler, like = build_sampler(settings), build_sampler(settings)
    monkeypatch.setattr(sampler, "should_sample", _unasked)
    provider = TracerProvider(
        sampler, light=[SCOPE], id_generator=Listed(ids, is_random), shutdown_on_exit=False
    )
    tracer: Any = provider.get_tracer(SCOPE)
    for trace_id in ids:
        context = attach_record(RequestRecord("GET", trace.INVALID_SPAN), Context())
        span = tracer.start_checked("GET", context, SpanKind.SERVER, {})
        wanted = like.should_sample(context, trace_id, "GET")
        assert span.is_recording()
        assert wanted.decision is not Decision.DROP
        found = span.get_span_context()
        assert found.trace_id == trace_id
        assert found.trace_flags.random_trace_id is is_random
        assert found.trace_flags.sampled is (wanted.decision is Decision.RECORD_AND_SAMPLE)
        assert found.trace_state == (wanted.trace_state or TraceState())


def _unasked(*_arguments: object, **_more: object) -> SamplingResult:
    raise AssertionError("the sampler was asked")


class Listed(RandomIdGenerator):
    """Gives these trace ids."""

    def __init__(self, ids: Sequence[int], is_random: bool) -> None:
        self._ids = iter(ids)
        self._is_random = is_random

    def generate_trace_id(self) -> int:
        return next(self._ids)

    def is_trace_id_random(self) -> bool:
        return self._is_random


class Odd(Sampler):
    """Drops children named so, and adds attributes: what no sampler of ours does."""

    def should_sample(
        self, parent_context: Any, trace_id: int, name: str, *args: Any, **kwargs: Any
    ) -> SamplingResult:
        if name == "dropped":
            return SamplingResult(Decision.DROP)
        return SamplingResult(Decision.RECORD_AND_SAMPLE, {"by": "sampler"})

    def get_description(self) -> str:
        return "odd"


def test_an_installed_sampler_is_asked_for_every_span() -> None:
    for tracer, seen in providers(sampler=Odd()):
        with tracer.start_as_current_span("root"):
            tracer.start_span("dropped").end()
            tracer.start_span("child").end()
        assert [span.name for span in seen.ended] == ["child", "root"]
        assert all((span.attributes or {})["by"] == "sampler" for span in seen.ended)


class OddRequestSampler(RequestSampler):
    """Drops what is named so."""

    def should_sample(self, *args: Any, **kwargs: Any) -> SamplingResult:
        return Odd().should_sample(*args, **kwargs)


class WithRoots(Odd):
    """Has attributes with the names of ours."""

    roots = ("of", "a", "tree")
    inherits = True


@pytest.mark.parametrize(
    "sampler",
    [Odd(), WithRoots(), OddRequestSampler(ALWAYS_ON, inherits=True)],
    ids=lambda sampler: type(sampler).__name__,
)
def test_an_installed_sampler_is_asked_for_every_request(sampler: Sampler) -> None:
    """Whatever it is derived from, and whatever its attributes are called."""
    for tracer, _ in providers(sampler=sampler):
        start: Any = getattr(tracer, "start_checked", tracer.start_span)
        context = attach_record(RequestRecord("GET", trace.INVALID_SPAN), Context())
        assert not start("dropped", context, SpanKind.SERVER, {}).is_recording()
        span = start("GET", context, SpanKind.SERVER, {})
        assert span.attributes["by"] == "sampler"
        child = tracer.start_span("dropped", trace.set_span_in_context(span, context))
        assert not child.is_recording()


def test_a_request_that_is_excluded_late_has_no_more_spans() -> None:
    for tracer, seen in providers(sampler=build_sampler(SamplerSettings("always_on", None))):
        record = RequestRecord("GET", trace.INVALID_SPAN)
        with tracer.start_as_current_span("root", attach_record(record, Context())) as span:
            context = attach_record(record, trace.set_span_in_context(span))
            tracer.start_span("before", context).end()
            record.excluded = True
            tracer.start_span("after", context).end()
        assert [span.name for span in seen.ended] == ["before", "root"]
