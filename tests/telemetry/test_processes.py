"""Children of multiprocessing deliver what they recorded, and report their crash."""

from __future__ import annotations

import socket
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from telemetry.testing import EventReceiver, OTLPReceiver
from telemetry.traces.tracestate import randomness_of, threshold_of
from tests.telemetry.scripts import printed, run_python

if TYPE_CHECKING:
    from pathlib import Path

START = """
    import concurrent.futures, multiprocessing
    context = multiprocessing.get_context(METHOD)
    from tests.telemetry import child_work as work

    def run(target, *arguments):
        child = context.Process(target=target, args=arguments)
        child.start()
        child.join()
        return child.exitcode
"""
# One after the other, so that a test has few interpreters to start.
FORKED = """
    codes = [run(work.work, "returned"), run(work.crash, "crashed"), run(work.leave, "left")]
    codes.append(run(work.be_idle))
    print("codes", codes)
    with context.Pool(2) as pool:
        ids = pool.map(work.work, [f"pool {each}" for each in range(20)], chunksize=1)
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as executor:
        ids += executor.map(work.work, ["executor"] * 4)
    ids.append(work.work("parent"))
    # The parent has sent by now, and has metrics of its own.
    work.telemetry.flush(30)
    with context.Pool(2) as pool:
        ids += pool.map(work.work, ["late"] * 10, chunksize=1)
    run(work.be_idle)
    for each in ids:
        print(each)
"""
# Children within a trace of their parent's, sampled and not; then a pool with traces of its own.
SAMPLED_BY_TAIL = """
    for sampled, fails in ((True, False), (False, False), (False, True)):
        found = False
        while not found:
            with work.tracer.start_as_current_span("open") as root:
                found = root.get_span_context().trace_flags.sampled is sampled
                trace = work.step("before")
                if found:
                    run(work.step, "child", fails)
                print("open" if found else "alone", fails and found, trace)
    with context.Pool(2) as pool:
        jobs = [("pool", not each % 5) for each in range(40)]
        lines = pool.starmap(work.trace_of_two, jobs, chunksize=1)
    for line in lines:
        print(line)
"""
STARTED_ANEW = """
    codes = [run(work.work, "returned"), run(work.crash, "crashed")]
    print("codes", codes)
    with context.Pool(1) as pool:
        ids = pool.map(work.work, ["pool 0", "pool 1"])
    for each in ids:
        print(each)
"""


def _variables(otlp: OTLPReceiver, events: EventReceiver) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": otlp.url,
        "SENTRY_DSN": events.dsn,
        # Only what ends a process sends.
        "OTEL_BSP_SCHEDULE_DELAY": "3600000",
        "OTEL_BLRP_SCHEDULE_DELAY": "3600000",
        "OTEL_METRIC_EXPORT_INTERVAL": "3600000",
        "PYTHONWARNINGS": "ignore::DeprecationWarning",
    }


def test_a_forked_child_delivers(tmp_path: Path) -> None:
    """When it returns, crashes, exits, or is ended with its pool; an idle one starts no thread."""
    with OTLPReceiver() as otlp, EventReceiver() as events:
        code = START.replace("METHOD", "'fork'") + FORKED
        done = run_python(tmp_path, code, **_variables(otlp, events))
        assert done.returncode == 0, done.stderr
        idle, codes, idle_later, *ids = done.stdout.splitlines()
        assert codes == "codes [0, 1, 3, 0]"
        assert idle == "threads=1"
        # That of the SDK's reader, which the SDK starts anew in each fork.
        assert idle_later == "threads=2"
        expected = Counter(
            {
                "returned": 1,
                "crashed": 1,
                "left": 1,
                "parent": 1,
                "executor": 4,
                "late": 10,
                **{f"pool {each}": 1 for each in range(20)},
            }
        )
        assert Counter(span.name for span in otlp.spans) == expected
        logs = Counter(log.body for log in otlp.logs if log.scope == "work")
        assert logs == {f"log of {name}": count for name, count in expected.items()}
        _assert_crash(events, ["planted"])
        assert done.stderr.count("LookupError: planted") == 1
        # Each process has an id of its own, and no two traces are the same.
        traces, processes = zip(*(line.split() for line in ids), strict=True)
        assert len(set(traces)) == len(traces)
        assert {span.trace_id for span in otlp.spans} >= set(traces)
        instances = {span.trace_id: span.resource["service.instance.id"] for span in otlp.spans}
        by_process = {
            (process, instances[trace]) for trace, process in zip(traces, processes, strict=True)
        }
        assert len(by_process) == len(set(processes)) == len({each for _, each in by_process})
        assert {log.resource["service.instance.id"] for log in otlp.logs} >= set(instances.values())
        # The late children have their parent's measurements, which they must not send again.
        # Cumulative: each series' last value counts.
        last = {
            (point.resource["service.instance.id"], str(point.attributes["name"])): point.value
            for point in otlp.metrics
            if point.name == "work.done"
        }
        assert {instance for instance, _ in last} <= set(instances.values())
        done_by: Counter[str] = Counter()
        for (_, name), value in last.items():
            done_by[name] += int(value or 0)
        assert done_by["parent"] == 1
        assert (done_by["returned"], done_by["executor"], done_by["late"]) == (1, 4, 0)


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_child_that_configures_itself_delivers(tmp_path: Path, method: str) -> None:
    """It imports the host's module, which configures telemetry, before multiprocessing begins."""
    with OTLPReceiver() as otlp, EventReceiver() as events:
        code = START.replace("METHOD", f"'{method}'") + STARTED_ANEW
        done = run_python(tmp_path, code, **_variables(otlp, events))
        assert done.returncode == 0, done.stderr
        codes, *ids = done.stdout.splitlines()
        assert codes == "codes [0, 1]"
        names = ["returned", "crashed", "pool 0", "pool 1"]
        assert Counter(span.name for span in otlp.spans) == Counter(names)
        assert len({span.resource["service.instance.id"] for span in otlp.spans}) == 3
        assert {span.trace_id for span in otlp.spans} >= {line.split()[0] for line in ids}
        points = [point for point in otlp.metrics if point.name == "work.done"]
        assert Counter(point.attributes["name"] for point in points) == Counter(names)
        _assert_crash(events, ["planted"])


def test_signals(tmp_path: Path) -> None:
    """SIGTERM ends a child as before: in limited time, and a handler of its own is left alone.

    The backend accepts connections and does not answer.
    """
    code = """
    import multiprocessing, os, signal, time
    from tests.telemetry import child_work as work
    context = multiprocessing.get_context("fork")

    def code_of(target):
        child = context.Process(target=target, args=("waiting",))
        child.start()
        while not os.path.exists("ready"):
            time.sleep(0.01)
        os.remove("ready")
        child.terminate()
        child.join()
        return child.exitcode

    began = time.monotonic()
    print(code_of(work.wait_for_signal), code_of(work.with_handler))
    print(time.monotonic() - began)
    print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
        output = printed(
            tmp_path,
            code,
            OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
            TELEMETRY_SHUTDOWN_TIMEOUT="0.5s",
            PYTHONWARNINGS="ignore::DeprecationWarning",
        )
    codes, seconds, default = output.splitlines()
    assert codes == "-15 7"
    assert float(seconds) >= 0.5
    assert default == "True"


def test_a_signal_at_the_end(tmp_path: Path) -> None:
    """A pool's SIGTERM reaches workers that are delivering: each item is sent once."""
    code = (
        START.replace("METHOD", "'fork'")
        + """
    print(run(work.end_when_collected, "ended"))
    """
    )
    with OTLPReceiver() as otlp, EventReceiver() as events:
        output = printed(tmp_path, code, **_variables(otlp, events))
        assert output.split() == ["-15"]
        assert [span.name for span in otlp.spans] == ["ended"]
        points = [point for point in otlp.metrics if point.scope == "work"]
        assert sorted(point.name for point in points) == ["work.done", "work.ended"]


def _assert_crash(events: EventReceiver, messages: list[str]) -> None:
    assert [event.exceptions for event in events.events] == [
        (("LookupError", message),) for message in messages
    ]
    for event in events.events:
        assert event.tags["caught.by"] == "multiprocessing"
        [mechanism] = [each["mechanism"] for each in event.raw["exception"]["values"]]
        assert mechanism == {"type": "multiprocessing", "handled": False}


def test_tail_decides_in_a_forked_child(tmp_path: Path) -> None:
    """A trace of the child's by the same ratio and rules; of one whose root is open, a failed part.

    What the parent held at the fork is the parent's to decide.
    """
    ratio = 0.3
    with OTLPReceiver() as otlp:
        variables = {
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{otlp.url}/v1/traces",
            "OTEL_TRACES_SAMPLER": "tail",
            "OTEL_TRACES_SAMPLER_ARG": str(ratio),
            # However long a busy machine takes for a trace.
            "TELEMETRY_SLOW": "3600s",
            "PYTHONWARNINGS": "ignore::DeprecationWarning",
        }
        code = START.replace("METHOD", "'fork'") + SAMPLED_BY_TAIL
        lines = [line.split() for line in printed(tmp_path, code, **variables).splitlines()]
        arrived: dict[str, Counter[str]] = {}
        for span in otlp.spans:
            arrived.setdefault(span.trace_id, Counter())[span.name] += 1
        states = {span.trace_id: span.trace_state for span in otlp.spans}
    assert Counter(kind for kind, *_ in lines if kind != "alone") == {"open": 3, "pool": 40}
    threshold = threshold_of(ratio)
    sampled = {trace for *_, trace in lines if randomness_of(int(trace, 16)) >= threshold}
    by_rule = {trace for _, fails, trace in lines if fails == "True"} - sampled
    assert arrived.keys() == sampled | by_rule
    assert {states[trace] for trace in sampled} == {f"ot=th:{threshold:014x}".rstrip("0")}
    assert {states[trace] for trace in by_rule} == {"ot=th:0"}
    whole = {
        "open": {"open": 1, "before": 1, "child": 1},
        "alone": {"open": 1, "before": 1},
        "pool": {"pool": 1, "inner": 1},
    }
    for kind, _, trace in lines:
        if trace in arrived:
            # The parent does not know that a part of its own trace has failed.
            part = kind == "open" and trace in by_rule
            assert arrived[trace] == ({"child": 1} if part else whole[kind])
