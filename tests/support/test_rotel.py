"""A second, independent decoder between the SDK and the receiver."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from telemetry.testing import OTLPReceiver
from tests.support.rotel import serve_rotel
from tests.telemetry.testing.senders import meters_to, send_log, send_span, tracer_to

if TYPE_CHECKING:
    from pathlib import Path


def test_all_three_signals_come_through_a_collector(receiver: OTLPReceiver, tmp_path: Path) -> None:
    """What arrives through it is what arrives directly, by either protocol."""
    with serve_rotel(receiver, tmp_path) as through:
        for grpc in (False, True):
            receiver.clear()
            with tracer_to(through, grpc=grpc) as tracer:
                send_span(tracer)
            with meters_to(through, grpc=grpc) as provider:
                provider.get_meter("tests.meter").create_counter("requests").add(2)
            send_log(through, grpc=grpc)
            receiver.wait_for(lambda r: r.spans and r.metrics and r.logs)
            [span], [point], [log] = receiver.spans, receiver.metrics, receiver.logs
            assert (point.name, point.value) == ("requests", 2)
            assert log.body == {"message": "hot", "degrees": [40, 41.5]}
            collected = dataclasses.asdict(span)
            with OTLPReceiver() as direct:
                with tracer_to(direct) as tracer:
                    send_span(tracer)
                expected = dataclasses.asdict(direct.spans[0])
            own = {"span_id", "start_ns", "end_ns", "events"}
            assert {k: v for k, v in collected.items() if k not in own} == {
                k: v for k, v in expected.items() if k not in own
            }
