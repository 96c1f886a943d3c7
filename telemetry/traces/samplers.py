"""Head samplers and id generators by name."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry.sdk.trace import sampling
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult

from telemetry.failsafe import failed
from telemetry.registry import attributes as a
from telemetry.registry.redaction import MARGIN
from telemetry.request import any_record
from telemetry.scope import MAX_PATH
from telemetry.settings import variables as v
from telemetry.settings.installed import RATIO, installed_id_generators, installed_samplers
from telemetry.settings.sampler import ratios_of
from telemetry.traces.causes import local_cause
from telemetry.traces.tail import TailSampler

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanKind, TraceState

    from telemetry.settings import SamplerSettings


# Dropped traces whose later background writes are dropped, too. Those start within seconds.
MAX_DROPPED = 1_000


def build_sampler(
    settings: SamplerSettings, ready: Callable[[], None] | None = None
) -> RequestSampler:
    """The sampler that ``OTEL_TRACES_SAMPLER`` names.

    ``ready`` is called before its first decision.

    Raises:
        Exception: any exception of an installed sampler's factory. The SDK's
            configurator ignores it and exports everything.
    """
    given = v.SAMPLER_ARG.default
    if settings.arg and settings.name in RATIO:
        given = float(settings.arg)
    ratio = sampling.TraceIdRatioBased(given)
    known: dict[str, Sampler] = {
        "always_on": sampling.ALWAYS_ON,
        "always_off": sampling.ALWAYS_OFF,
        "parentbased_always_on": sampling.DEFAULT_ON,
        "parentbased_always_off": sampling.DEFAULT_OFF,
        "traceidratio": ratio,
        "parentbased_traceidratio": sampling.ParentBased(ratio),
        "tail": TailSampler(given, ratios_of(settings)),
    }
    sampler = known.get(settings.name)
    if sampler is not None:
        return RequestSampler(sampler, inherits=True, ready=ready)
    (point,) = (point for point in installed_samplers() if point.name == settings.name)
    return RequestSampler(point.load()(settings.arg), ready=ready)


def build_id_generator(name: str | None) -> IdGenerator:
    """The id generator that ``OTEL_PYTHON_ID_GENERATOR`` names; the random one for None."""
    if name is None:
        return RandomIdGenerator()
    (point,) = (point for point in installed_id_generators() if point.name == name)
    generator: IdGenerator = point.load()()
    return generator


class Roots(NamedTuple):
    """What a sampler that records every root span decides for those without links."""

    threshold: int
    """The lowest randomness of a trace that is sampled."""
    state: TraceState | None
    """The tracestate of one that is sampled."""


class RequestSampler(Sampler):
    """Drops every span of an excluded or untraced request; delegates otherwise.

    A span that links to such a request, such as a background write, is dropped as
    well. A dropped span has a valid trace id for logs and for propagation.

    Args:
        sampler: decides about all others.
        inherits: whether it decides for the child of a recorded span of this process as it did
            for the parent. It is not asked for each child then.
        ready: called once, before the first decision: a processor gets no span that is dropped.
    """

    def __init__(
        self,
        sampler: Sampler,
        *,
        inherits: bool = False,
        ready: Callable[[], None] | None = None,
    ) -> None:
        self._sampler = sampler
        self._ready = ready
        self.inherits = inherits
        self.roots: Roots | None = None
        """What it decides for root spans, but for those of excluded and untraced requests. None if
        it has to be asked."""
        if sampler in (sampling.ALWAYS_ON, sampling.DEFAULT_ON):
            self.roots = Roots(0, None)
        elif type(sampler) is TailSampler:
            self.roots = Roots(sampler.threshold, sampler.state)
        self._dropped: OrderedDict[int, None] = OrderedDict()

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Any = None,
        links: Sequence[Link] | None = None,
        *args: Any,
    ) -> SamplingResult:
        if self._ready is not None:
            self._begin(self._ready)
        record = any_record(parent_context)
        if record is not None and (record.excluded or record.untraced):
            self._dropped[trace_id] = None
            if len(self._dropped) > MAX_DROPPED:
                self._dropped.popitem(last=False)
            return SamplingResult(Decision.DROP)
        if record is not None and attributes and record.own_route is None:
            # Contrib's instrumentors of frameworks set it on a span within the edge's.
            route = attributes.get(a.HTTP_ROUTE)
            if isinstance(route, str) and not record.ended:
                record.route = route[: MAX_PATH + MARGIN]
        if links and self._dropped and local_cause(links) in self._dropped:
            return SamplingResult(Decision.DROP)
        return self._sampler.should_sample(
            parent_context, trace_id, name, kind, attributes, links, *args
        )

    def _begin(self, ready: Callable[[], None]) -> None:
        self._ready = None
        try:
            ready()
        except Exception as error:  # noqa: BLE001 # the SDK guards nothing
            failed("export.traces", error)

    def get_description(self) -> str:
        """The description of the wrapped sampler."""
        return self._sampler.get_description()
