"""Light spans: the interface of the SDK's spans without their locks, copies and lists.

`TracerProvider` starts them for the instrumentation scopes of telemetry and Datasette, whose spans
are started in every request. Other scopes have the SDK's. Processors and exporters see no
difference: a light span is an `opentelemetry.sdk.trace.Span`.

Fields are plain attributes under the SDK's public names, and other parts are made when they are
read: most light spans are folded into query statistics and never exported. A span is used by one
task or thread at a time, so nothing is locked; the interpreter keeps each single change whole.
"""

from __future__ import annotations

import logging
import sys
from functools import partial
from random import getrandbits
from time import perf_counter_ns, time_ns
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import get_current
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
)

from telemetry.export.ended_spans import SpanCopy
from telemetry.registry.attributes import HTTP_ROUTE
from telemetry.request import RECORD_KEY, SPAN_KEY
from telemetry.traces.current import current_span, failure_of
from telemetry.traces.exceptions import (
    EXCEPTION,
    exception_attributes,
    failed_status,
    record_exception,
)
from telemetry.traces.samplers import RequestSampler
from telemetry.traces.tracestate import randomness_of
from telemetry.traces.unrecorded import UnrecordedServerSpan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from opentelemetry.context import Context
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import Event, SpanLimits, SpanProcessor
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import Span, TraceState

    from telemetry.request import RequestRecord

    Ids = tuple[int, int, TraceFlags, TraceState | None]
    Links = Sequence[Link] | None
    Detach = Callable[[Context, Links], tuple[Context, Links]]

logger = logging.getLogger(__name__)

# Read once, since an enumeration looks its members up in Python.
_INTERNAL, _UNSET, _OK, _ERROR = (
    SpanKind.INTERNAL,
    StatusCode.UNSET,
    StatusCode.OK,
    StatusCode.ERROR,
)
NO_STATUS = Status(_UNSET)
"""The status of a light span that has none."""
_SAMPLED, _RANDOM = TraceFlags.SAMPLED, TraceFlags.RANDOM_TRACE_ID
# Values of these types are stored as they are, and so are texts within the limit of length.
_SCALARS = frozenset({bool, int, float, bytes, type(None)})
LONGEST_CHECKED = 4096
"""Characters of a text that `LightTracer.start_checked` takes."""
# Whether exceptions are recorded, and set the status.
_BOTH = True, True
_random_span_id, _random_trace_id = partial(getrandbits, 64), partial(getrandbits, 128)
_new: Any = object.__new__
# The classes of light spans: looking one up takes less than `isinstance`.
_KNOWN: set[type[LightSpan]] = set()


class LightSpan(sdk.Span):
    """A span with the interface of `opentelemetry.sdk.trace.Span`.

    A `LightTracer` makes it, without the constructor. After its end it is passed to the processors
    itself, not a copy; changes are then ignored with a warning, as the SDK does.
    """

    # Values of the class are those of most spans, so that few are set when one starts; those that
    # are read often are set all the same, since a value of the class takes longer to read. They
    # also take the place of the SDK's properties.
    name = ""
    kind = _INTERNAL
    start_time = 0
    end_time: int | None = None
    status = NO_STATUS
    resource: Resource = None  # type: ignore[assignment] # set by the tracer
    trace_id = 0
    span_id = 0
    trace_flags = TraceFlags()
    trace_state: TraceState | None = None
    has_own_ids = True
    """Whether the ids and flags are attributes of the span: see `telemetry.request.ids_of_span`."""
    parent_id = 0
    """The span id of the parent, or 0 for a root span."""
    is_eventful = False
    """Whether the span has a status or an event."""
    has_more = False
    """Whether the span has an event or a link, or whether one or an attribute was dropped."""
    values: dict[str, Any]
    """The attributes. Within telemetry, processors of an ended span may add others."""
    request: RequestRecord | None = None
    """The request that was being served when the span started."""
    clock_offset = 0
    """Nanoseconds from the monotonic clock to the system clock, when the span was started."""
    after_end: Callable[[], None] | None = None
    """Called when the span has ended."""
    _tracer: LightTracer
    _above: LightSpan | SpanContext | None = None
    _made: SpanContext | None = None
    _event_list: list[Event] | None = None
    _link_list: list[Link] | None = None
    _dropped: list[int] | None = None
    _on_exception = _BOTH

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _KNOWN.add(cls)

    # --- What is read

    @property
    def light(self) -> LightSpan:
        """The span itself. A wrapper of a span returns the light span that it wraps, if any."""
        return self

    def get_span_context(self) -> SpanContext:
        """The ids, flags and tracestate of the span."""
        context = self._made
        if context is None:
            context = self._made = SpanContext(
                self.trace_id, self.span_id, False, self.trace_flags, self.trace_state
            )
        return context

    @property
    def context(self) -> SpanContext:
        """The ids, flags and tracestate of the span."""
        return self.get_span_context()

    @property
    def parent(self) -> SpanContext | None:
        """The context of the parent, or None for a root span."""
        parent = self._above
        if isinstance(parent, LightSpan):
            return parent.get_span_context()
        return parent

    def clean(self) -> None:
        """Have the attributes as the limits want them. They were checked when they were set."""

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The attributes, which can't be changed by this mapping."""
        return MappingProxyType(self.values)

    @property
    def events(self) -> Sequence[Event]:
        """The span events, oldest first."""
        return tuple(self._event_list) if self._event_list else ()

    @property
    def links(self) -> Sequence[Link]:
        """The links."""
        return tuple(self._link_list) if self._link_list else ()

    @property
    def dropped_attributes(self) -> int:
        """Number of attributes dropped because of the limits."""
        return self._dropped[0] if self._dropped else 0

    @property
    def dropped_events(self) -> int:
        """Number of events dropped because of the limits."""
        return self._dropped[1] if self._dropped else 0

    @property
    def dropped_links(self) -> int:
        """Number of links dropped because of the limits."""
        return self._dropped[2] if self._dropped else 0

    @property
    def instrumentation_scope(self) -> InstrumentationScope:
        """The scope of the tracer that has started the span."""
        return self._tracer.scope

    @property
    def instrumentation_info(self) -> Any:
        """The scope in OpenTelemetry's older form, which is deprecated."""
        return self._tracer.inner.instrumentation_info

    def is_recording(self) -> bool:
        """Whether the span has not ended."""
        return self.end_time is None

    def to_json(self, indent: int | None = 4) -> str:
        """The span as the SDK's JSON."""
        return str(SpanCopy(self).to_json(indent))

    def __repr__(self) -> str:
        return f'{type(self).__name__}(name="{self.name}", context={self.get_span_context()})'

    # --- What is changed until the end

    def set_attribute(self, key: str, value: Any) -> None:
        """Set an attribute, within the limits of attributes."""
        if self.end_time is not None:
            logger.warning("Setting attribute on ended span.")
            return
        kind, tracer, values = value.__class__, self._tracer, self.values
        fits = len(value) <= tracer.longest if kind is str else kind in _SCALARS
        if fits and key and len(values) < tracer.room:
            if key in values:
                # The oldest is dropped from a full span, so its place is that of its last value.
                del values[key]
            values[key] = value
        else:
            self._set_checked({key: value})

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes, within the limits of attributes."""
        if self.end_time is not None:
            logger.warning("Setting attribute on ended span.")
            return
        tracer, values = self._tracer, self.values
        longest = tracer.longest
        if len(values) + len(attributes) >= tracer.room:
            self._set_checked(attributes)
            return
        if all(attributes):
            for value in attributes.values():
                if value.__class__ is str:
                    if len(value) > longest:
                        break
                elif value.__class__ not in _SCALARS:
                    break
            else:
                if values and not values.keys().isdisjoint(attributes):
                    # The oldest is dropped from a full span: see `set_attribute`.
                    for key in attributes:
                        values.pop(key, None)
                values.update(attributes)
                return
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def _set_checked(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes as the SDK cleans them: values of other types, texts above the limit."""
        limits = self._tracer.limits
        values = self.values
        before = values.copy()
        # The SDK's own rules, with what there is already: the oldest is dropped from a full span.
        bounded = BoundedAttributes(
            limits.max_span_attributes,
            before,
            immutable=False,
            max_value_len=limits.max_span_attribute_length,
        )
        for key, value in attributes.items():
            bounded[key] = value
        # In place: `attributes` shows this mapping. One by one: another thread may set others.
        known = bounded.copy()
        for key in before:
            if key not in known or key in attributes:
                values.pop(key, None)
        for key, value in known.items():
            if key not in before or key in attributes or value is not before[key]:
                values[key] = value
        self._drop(0, bounded.dropped)

    def _drop(self, kind: int, number: int = 1) -> None:
        if number:
            self.has_more = True
            if self._dropped is None:
                self._dropped = [0, 0, 0]
            self._dropped[kind] += number

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        """Add a span event, at a time between the span's start and end unless given."""
        if self.end_time is not None:
            logger.warning("Tried calling add_event on an ended span.")
            return
        limits = self._tracer.limits
        if timestamp is None:
            timestamp = self.clock_offset + perf_counter_ns()
        if name == EXCEPTION:
            attributes = exception_attributes(attributes)
        known = BoundedAttributes(
            limits.max_event_attributes, attributes, max_value_len=limits.max_attribute_length
        )
        if self._event_list is None:
            self._event_list = []
            self.is_eventful = self.has_more = True
        self._event_list.append(sdk.Event(name, known, timestamp))
        if limits.max_events is not None and len(self._event_list) > limits.max_events:
            del self._event_list[0]
            self._drop(1)

    def add_link(self, context: SpanContext, attributes: Any = None) -> None:
        """Add a link to another span. One without a valid context or anything else is ignored."""
        if self.end_time is not None:
            logger.warning("Tried calling add_link on an ended span.")
            return
        if not (context and (context.is_valid or attributes or context.trace_state)):
            return
        limits = self._tracer.limits
        known = BoundedAttributes(
            limits.max_link_attributes, attributes, max_value_len=limits.max_attribute_length
        )
        if self._link_list is None:
            self._link_list = []
            self.has_more = True
        self._link_list.append(Link(context, known))
        if limits.max_links is not None and len(self._link_list) > limits.max_links:
            del self._link_list[0]
            self._drop(2)

    def record_exception(
        self,
        exception: BaseException,
        attributes: Any = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Record an exception, and set the span as its origin, for its error event."""
        record_exception(self, exception, attributes, timestamp, escaped=escaped)

    def update_name(self, name: str) -> None:
        """Change the name."""
        if self.end_time is not None:
            logger.warning("Tried calling update_name on an ended span.")
            return
        self.name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Set the status; ignored if it is OK already, or for UNSET."""
        if self.end_time is not None:
            logger.warning("Tried calling set_status on an ended span.")
            return
        code: Any = status.status_code if isinstance(status, Status) else status
        if not isinstance(code, StatusCode):
            # As the SDK: it can't be exported.
            return
        if self.status.status_code is _OK or code is _UNSET:
            return
        if isinstance(status, Status):
            if description is not None:
                logger.warning(
                    "Description %s ignored. Use either `Status` or `(StatusCode, Description)`",
                    description,
                )
        else:
            status = Status(status, description)
        self.status = failed_status(status)
        self.is_eventful = True

    # --- Start and end

    def start(self, start_time: int | None = None, parent_context: Context | None = None) -> None:
        """Ignored with a warning: the tracer has started the span."""
        logger.warning("Calling start() on a started span.")

    def end(self, end_time: int | None = None) -> None:
        """End the span, at the latest time of its clock unless given; never before its start."""
        if end_time is None:
            end_time = self.clock_offset + perf_counter_ns()
        # Datasette reads the system clock for the start and the end of a wait.
        end_time = max(self.start_time, end_time)
        # Nothing is called between this question and its answer: another thread or a signal
        # handler may end the span too.
        if self.end_time is not None:
            logger.warning("Calling end() on an ended span.")
            return
        self.end_time = end_time
        for processor in self._tracer.processors:
            processor.on_end(self)
        if (after := self.after_end) is not None:
            # It refers to the span, which would be a reference cycle.
            self.after_end = None
            after()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        """End the span, and record the exception that has left the block."""
        if exc_val is not None and self.end_time is None:
            record, set_status = self._on_exception
            if record:
                self.record_exception(exc_val, escaped=True)
            if set_status:
                self.set_status(failure_of(exc_val))
        self.end()


_KNOWN.add(LightSpan)


class UncheckedSpan(LightSpan):
    """A light span whose attributes are cleaned when they are read, or when it is exported.

    For spans that are started for each query, and mostly folded.
    """

    def set_attribute(self, key: str, value: Any) -> None:
        """Set an attribute."""
        if self.end_time is None:
            self.values[key] = value
        else:
            logger.warning("Setting attribute on ended span.")

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes."""
        for key, value in attributes.items():
            self.set_attribute(key, value)

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The attributes, within their limits, which can't be changed by this mapping."""
        self.clean()
        return MappingProxyType(self.values)

    def clean(self) -> None:
        """Have the attributes as the limits want them; what is set later is cleaned again."""
        given, tracer = self.values, self._tracer
        longest = tracer.longest
        if len(given) <= tracer.room and all(
            key
            and (len(value) <= longest if value.__class__ is str else value.__class__ in _SCALARS)
            for key, value in given.items()
        ):
            return
        self.values = {}
        self._set_checked(given)


class LightTracer(Tracer):
    """Starts light spans, as the SDK's tracer of the same scope would start its own.

    Args:
        processors: those of the provider, which may get more of them later.
        inner: the SDK's tracer. Its sampler, id generator and resource are used.
        scope: the instrumentation scope.
        limits: of attributes, events and links.
    """

    def __init__(
        self,
        processors: Sequence[SpanProcessor],
        inner: sdk.Tracer,
        scope: InstrumentationScope,
        limits: SpanLimits,
    ) -> None:
        self.processors = processors
        self.inner = inner
        self.scope = scope
        self.limits = limits
        most, longest = limits.max_span_attributes, limits.max_span_attribute_length
        # Number of attributes below which none is dropped, and characters up to which none is cut.
        self.room = sys.maxsize if most is None else most
        self.longest = sys.maxsize if longest is None else longest
        generator = inner.id_generator
        # The SDK's own, without its call. One number in 2**64 is not valid.
        is_random = type(generator) is RandomIdGenerator
        self._new_span_id: Callable[[], int] = (
            _random_span_id if is_random else generator.generate_span_id
        )
        self._new_trace_id: Callable[[], int] = (
            _random_trace_id if is_random else generator.generate_trace_id
        )
        # Of another class, only its methods are known.
        known = inner.sampler if type(inner.sampler) is RequestSampler else None
        # How the sampler decides for root spans, if it records all of them.
        self._roots = None if known is None else known.roots
        not_sampled = _RANDOM if generator.is_trace_id_random() else 0
        self._root_flags = TraceFlags(not_sampled), TraceFlags(not_sampled | _SAMPLED)
        self.detach: Detach | None = None
        """Returns the context and the links for a span that starts after its request has ended."""
        # Whether a child has its parent's decision by all rules that the sampler has.
        self._inherits = known is not None and known.inherits

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Any = None,
        links: Sequence[Link] | None = (),
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> Span:
        """As in the API."""
        return self.start(
            LightSpan,
            name,
            context,
            kind,
            attributes,
            links,
            start_time,
            (record_exception, set_status_on_exception),
        )

    def start_as_current_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Any = None,
        links: Sequence[Link] | None = (),
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> Any:
        """As in the API, but for use as a decorator."""
        span = self.start_span(
            name,
            context,
            kind,
            attributes,
            links,
            start_time,
            record_exception,
            set_status_on_exception,
        )
        return current_span(
            span,
            end_on_exit=end_on_exit,
            record_exception=record_exception,
            set_status_on_exception=set_status_on_exception,
        )

    def start_checked(
        self,
        name: str,
        context: Context,
        kind: SpanKind,
        attributes: dict[str, Any],
        links: Sequence[Link] = (),
    ) -> Span:
        """Start a span whose attributes are checked, and become its own.

        Args:
            name, context, kind, links: as in the API.
            attributes: texts of at most `LONGEST_CHECKED` characters, numbers and booleans. Not to
                be changed afterwards.
        """
        record: Any = context.get(RECORD_KEY)
        roots = self._roots
        if (
            roots is None
            or links
            or record is None
            or record.untraced
            or SPAN_KEY in context
            # The sampler reads it.
            or HTTP_ROUTE in attributes
            or len(attributes) >= self.room
            or self.longest < LONGEST_CHECKED
        ):
            return self.start(LightSpan, name, context, kind, attributes, links)
        # A root span that the sampler would take, without its calls.
        span = _new(LightSpan)
        trace_id = span.trace_id = self._new_trace_id() or 1
        span.span_id = self._new_span_id() or 1
        not_sampled, sampled = self._root_flags
        threshold, state = roots
        if threshold and randomness_of(trace_id) < threshold:
            span.trace_flags, span.trace_state = not_sampled, None
        else:
            span.trace_flags, span.trace_state = sampled, state
        span._tracer = self
        span.name = name
        span.kind = kind
        span.values = attributes
        span.request = record
        span.resource = self.inner.resource
        span.end_time = span.after_end = None
        span.parent_id = 0
        span.status = NO_STATUS
        span.has_more = False
        now = perf_counter_ns()
        span.start_time = time_ns()
        span.clock_offset = span.start_time - now
        for processor in self.processors:
            # By keyword, as the SDK does.
            processor.on_start(span, parent_context=context)
        return span  # type: ignore[no-any-return]

    def start(
        self,
        span_class: type[LightSpan],
        name: str,
        context: Context | None,
        kind: SpanKind,
        attributes: Any = None,
        links: Sequence[Link] | None = (),
        start_time: int | None = None,
        on_exception: tuple[bool, bool] = _BOTH,
    ) -> Span:
        """Start a span of a class, or return one that is not recorded, as the sampler decides.

        Args:
            span_class: `LightSpan` or a class that is derived from it.
            name, context, kind, attributes, links, start_time: as in the API.
            on_exception: whether an exception that leaves the span is recorded, and its status.
        """
        inner = self.inner
        record: Any
        if context is None:
            context = get_current()
            record = context.get(RECORD_KEY)
            if record is not None and record.ended and self.detach is not None:
                context, links = self.detach(context, links)
                record = context.get(RECORD_KEY)
        else:
            record = context.get(RECORD_KEY)
        parent: Any = context.get(SPAN_KEY)
        # The class of most parents, since reading a property takes a call.
        light = parent if parent.__class__ in _KNOWN else getattr(parent, "light", None)
        span: LightSpan
        if (
            light is not None
            and self._inherits
            and not links
            # A framework may exclude its request late.
            and not (record is not None and (record.excluded or record.untraced))
        ):
            # Not by a constructor: a call of Python's for each span.
            span = _new(span_class)
            span._above = light
            span.parent_id = light.span_id
            span.trace_id = light.trace_id
            span.span_id = self._new_span_id() or 1
            span.trace_flags = light.trace_flags
            span.trace_state = light.trace_state
            # The parent's clock runs on evenly if the system's is set.
            offset = light.clock_offset
        else:
            found = trace.get_current_span(context).get_span_context()
            above = found if found.is_valid else None
            is_recorded, attributes, ids = self._sampled(
                above, context, name, kind, attributes, links
            )
            if not is_recorded:
                trace_id, span_id, flags, state = ids
                unrecorded = UnrecordedServerSpan if kind is SpanKind.SERVER else NonRecordingSpan
                return unrecorded(SpanContext(trace_id, span_id, False, flags, state))
            span = _new(span_class)
            span.trace_id, span.span_id, span.trace_flags, span.trace_state = ids
            if above is not None:
                span._above = above
                span.parent_id = above.span_id
            offset = time_ns() - perf_counter_ns()
        span._tracer = self
        span.name = name
        span.resource = inner.resource
        span.end_time = span.after_end = None
        span.is_eventful = False
        span.clock_offset = offset
        span.start_time = offset + perf_counter_ns() if start_time is None else start_time
        if kind is not _INTERNAL:
            span.kind = kind
        if on_exception is not _BOTH:
            span._on_exception = on_exception
        if record is not None and not record.ended:
            span.request = record
        span.values = {}
        if attributes:
            span.set_attributes(attributes)
        if links:
            for link in links:
                if link is not None:
                    span.add_link(link.context, link.attributes)
        for processor in self.processors:
            # By keyword, as the SDK does.
            processor.on_start(span, parent_context=context)
        return span

    def _sampled(
        self,
        parent: SpanContext | None,
        context: Context | None,
        name: str,
        kind: SpanKind,
        attributes: Any,
        links: Sequence[Link] | None,
    ) -> tuple[bool, Any, Ids]:
        """The sampler's decision whether the span is recorded, its attributes, and the ids."""
        inner = self.inner
        ids = inner.id_generator
        if parent is None:
            trace_id, is_random = ids.generate_trace_id(), ids.is_trace_id_random()
        else:
            trace_id, is_random = parent.trace_id, parent.trace_flags.random_trace_id
        result = inner.sampler.should_sample(context, trace_id, name, kind, attributes, links or ())
        decision = result.decision
        flags = _SAMPLED if decision is Decision.RECORD_AND_SAMPLE else 0
        flags |= _RANDOM if is_random else 0
        return (
            decision is not Decision.DROP,
            result.attributes,
            (trace_id, ids.generate_span_id(), TraceFlags(flags), result.trace_state),
        )
