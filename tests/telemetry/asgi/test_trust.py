"""Whose trace context is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased

from telemetry.asgi.trust import Trust
from tests.telemetry.asgi.driving import answering, run, visit
from tests.telemetry.asgi.observed import Observed

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.scope import Message, Receive, Send

TRACE, PARENT = "a" * 32, "b" * 16
UNSAMPLED = (b"traceparent", f"00-{TRACE}-{PARENT}-00".encode())
SAMPLED = (b"traceparent", f"00-{TRACE}-{PARENT}-01".encode())
STATE = (b"tracestate", b"vendor=chosen-by-the-client")
SECRET = (b"x-service-secret", b"between us")


def _visited(trust: Trust, *headers: tuple[bytes, bytes], **kwargs: Any) -> ReadableSpan:
    observed = Observed(answering(), trust=trust, **kwargs)
    run(visit(observed.edge, headers=headers))
    return observed.span


def _is_theirs(span: ReadableSpan) -> bool:
    assert span.context is not None
    return f"{span.context.trace_id:032x}" == TRACE


def test_a_stranger_s_trace_is_linked_to() -> None:
    """By default: a trace of our own, which names theirs, and nothing else that they chose."""
    span = _visited(Trust(), SAMPLED, STATE, (b"baggage", b"user=planted"))
    assert not _is_theirs(span)
    assert span.parent is None
    [link] = span.links
    assert f"{link.context.trace_id:032x}" == TRACE
    assert f"{link.context.span_id:016x}" == PARENT
    assert link.context.is_remote
    assert link.context.trace_flags.sampled
    assert not link.context.trace_state, "512 characters of the client's choosing"
    assert span.context is not None
    assert not span.context.trace_state


def test_a_stranger_cannot_have_a_request_left_out() -> None:
    """Nor kept: the decision of a sampler that asks the parent is ours."""
    span = _visited(Trust(), UNSAMPLED, sampler=ParentBased(ALWAYS_ON))
    assert span.context is not None
    assert span.context.trace_flags.sampled


def test_a_stranger_can_be_ignored() -> None:
    """TELEMETRY_TRACEPARENT=ignore: not even a link."""
    span = _visited(Trust("ignore"), SAMPLED)
    assert not _is_theirs(span)
    assert span.links == ()


def test_everybody_can_be_trusted() -> None:
    """TELEMETRY_TRACEPARENT=trust, behind a proxy that has replaced the header."""
    span = _visited(Trust("trust"), SAMPLED, STATE)
    assert _is_theirs(span)
    assert span.parent is not None
    assert (f"{span.parent.span_id:016x}", span.parent.is_remote) == (PARENT, True)
    assert span.context is not None
    assert span.context.trace_state.get("vendor") == "chosen-by-the-client"
    assert span.links == ()


@pytest.mark.parametrize("policy", ["link", "ignore"])
def test_a_caller_who_knows_the_secret_is_trusted(policy: Any) -> None:
    """TELEMETRY_TRUST_SECRET, whatever the policy for strangers; latin-1, as headers are."""
    assert _is_theirs(_visited(Trust(policy, "between us"), SAMPLED, SECRET))
    assert not _is_theirs(_visited(Trust(policy, "between us"), SAMPLED))


@pytest.mark.parametrize("given", [b"", b"between", b"between us ", b"BETWEEN US", b"\xff\x00"])
def test_a_wrong_secret_is_worth_nothing(given: bytes) -> None:
    """Nor is one raised over, whatever its bytes."""
    assert not _is_theirs(_visited(Trust("link", "between us"), SAMPLED, (SECRET[0], given)))


def test_an_empty_secret_trusts_nobody() -> None:
    """A variable left blank must not open the door to an empty header."""
    assert not _is_theirs(_visited(Trust("link", ""), SAMPLED, (SECRET[0], b"")))


@pytest.mark.parametrize("policy", ["link", "trust"])
@pytest.mark.parametrize(
    "value",
    [b"", b"00", b"\xff" * 55, b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01", b"x" * 70000],
)
def test_what_is_no_trace_context_is_no_trace_context(policy: Any, value: bytes) -> None:
    """A new root, and no link to nothing."""
    span = _visited(Trust(policy), (b"traceparent", value))
    assert span.parent is None
    assert span.links == ()


def test_only_a_trusted_caller_s_baggage_is_carried_on() -> None:
    """It goes out again on every call that the host makes."""
    seen = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        seen.append(dict(baggage.get_all()))
        await answering()(scope, receive, send)

    for trust in (Trust("trust"), Trust("link"), Trust("ignore")):
        observed = Observed(app, trust=trust)
        run(visit(observed.edge, headers=[SAMPLED, (b"baggage", b"user=planted")]))
    assert seen == [{"user": "planted"}, {}, {}]


def test_several_headers_of_a_name_are_one() -> None:
    """In their order, whatever stands between them (W3C Trace Context, W3C Baggage)."""
    seen = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        seen.append(dict(baggage.get_all()))
        await answering()(scope, receive, send)

    headers = [
        (b"tracestate", b"one=1,two=2"),
        (b"baggage", b"a=1"),
        SAMPLED,
        (b"Tracestate", b""),
        (b"tracestate", b"three=3"),
        (b"baggage", b"b=2, c=3"),
    ]
    observed = Observed(app, trust=Trust("trust"))
    run(visit(observed.edge, headers=headers))
    context = observed.span.context
    assert context is not None
    assert list(context.trace_state.items()) == [("one", "1"), ("two", "2"), ("three", "3")]
    assert seen == [{"a": "1", "b": "2", "c": "3"}]


@pytest.mark.parametrize("policy", ["link", "trust"])
def test_several_traceparents_are_none(policy: Any) -> None:
    """Even if they are the same. The baggage of a trusted caller does not depend on them."""
    seen = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        seen.append(dict(baggage.get_all()))
        await answering()(scope, receive, send)

    observed = Observed(app, trust=Trust(policy))
    headers = [SAMPLED, STATE, SAMPLED, SAMPLED, (b"baggage", b"a=1")]
    run(visit(observed.edge, headers=headers))
    assert observed.span.parent is None
    assert observed.span.links == ()
    assert observed.span.context is not None
    assert not observed.span.context.trace_state
    assert seen == [{"a": "1"} if policy == "trust" else {}]


def test_a_stranger_s_baggage_and_tracestate_are_not_parsed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The propagators' warnings quote them: up to nine kilobytes of the client's choosing."""
    odd = [
        (b"baggage", b"planted" * 1300),
        (b"baggage", b"a=" + b"planted" * 1300),
        (b"baggage", b"p\xffl=anted;;;=,,="),
        (b"tracestate", b"planted=\x00" * 100),
        (b"tracestate", ",".join(f"planted{n}=1" for n in range(99)).encode()),
    ]
    for headers in (odd, [*odd, SAMPLED]):
        _visited(Trust(), *headers)
    assert caplog.messages == []
    # A trusted caller hears of it.
    _visited(Trust("trust"), *odd)
    assert caplog.messages
