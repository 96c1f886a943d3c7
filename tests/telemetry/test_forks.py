"""A child that is forked while other threads hold locks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from telemetry.testing import EventReceiver, OTLPReceiver
from tests.telemetry.scripts import printed

if TYPE_CHECKING:
    from pathlib import Path

# Ends a child that waits for a lock.
CHILD = """
import os, signal, threading, time

def in_child(work):
    child = os.fork()
    if child == 0:
        # Not by Python, whose threads may hang.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(100)
        try:
            work()
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""
WAITS = """
from telemetry import forks
lock, held, done = forks.ForkLock(), threading.Event(), []

def hold():
    with lock:
        held.set()
        time.sleep(0.2)
        done.append("done")

def look():
    assert done == ["done"]
    with lock:
        pass
    # As a child of its own finds it, too.
    assert in_child(look_again) == 0

def look_again():
    with lock:
        pass

thread = threading.Thread(target=hold)
thread.start()
held.wait()
print(in_child(look))
thread.join()
with lock:
    print("free")
"""
HANGS = """
from telemetry import forks
forks.LONGEST_WAIT = 0.1
lock, held, end = forks.ForkLock(), threading.Event(), threading.Event()

def hold():
    with lock:
        held.set()
        end.wait()

def look():
    with lock:
        pass

thread = threading.Thread(target=hold, daemon=True)
thread.start()
held.wait()
print(in_child(look))
end.set()
with lock:
    print("free")
"""
# All locks that objects and modules of telemetry have are held by another thread at the fork, but
# for those that a fork waits for, and one of the SDK's reader that is held while such a one is.
LOCKED = """
import gc, logging, sys
import telemetry
telemetry.configure(default_service_name="program")
from opentelemetry import _logs, metrics, trace
logger = logging.getLogger("work")
logger.addHandler(logging.NullHandler())

def work(name):
    with trace.get_tracer("work").start_as_current_span(name) as span:
        with trace.get_tracer("datasette").start_as_current_span("db.query"):
            pass
        _logs.get_logger("work").emit(_logs.LogRecord(body=name))
        metrics.get_meter("telemetry").create_counter("work.done").add(1)
        logger.error("planted %s", name)
    telemetry.export_states()

def locks():
    kinds = (type(threading.Lock()), type(threading.RLock()))
    owners = [m for name, m in list(sys.modules.items()) if name.startswith("telemetry")]
    owners += [o for o in gc.get_objects() if str(type(o).__module__).startswith("telemetry")]
    for owner in owners:
        if type(owner).__qualname__ == "ForkLock":
            continue
        names = {*getattr(owner, "__dict__", ())}
        names.update(n for c in type(owner).__mro__ for n in vars(c).get("__slots__", ()))
        for name in names:
            value = getattr(owner, name, None)
            value = getattr(value, "_cond", value)
            value = getattr(value, "_lock", value) if type(value) is threading.Condition else value
            if isinstance(value, kinds) and name != "_export_lock":
                yield type(owner).__qualname__, name, value

work("parent")
telemetry.flush(30)
held, end = threading.Event(), threading.Event()
taken = []

def hold():
    found = {id(lock): (owner, name, lock) for owner, name, lock in locks()}
    for owner, name, lock in found.values():
        if lock.acquire(timeout=10):
            taken.append(owner)
        else:
            print("not free", owner, name)
    held.set()
    end.wait()
    for _, _, lock in found.values():
        lock.release()

def in_the_child():
    work("child")
    print("left", telemetry.flush(60), flush=True)

thread = threading.Thread(target=hold)
thread.start()
held.wait()
print(in_child(in_the_child))
end.set()
thread.join()
work("after")
print("left", telemetry.flush(60))
print(*sorted({*taken}))
"""
STARTING = """
import multiprocessing
import telemetry
telemetry.configure(default_service_name="program")
from opentelemetry import trace
from telemetry import state
from telemetry.metrics import provider

# However long a busy machine takes.
state.state.configured.pipeline._lock._longest_wait = 60
began, go = threading.Event(), threading.Event()
start = provider.MeterProvider.__init__

def slow(*arguments, **named):
    began.set()
    go.wait()
    start(*arguments, **named)

provider.MeterProvider.__init__ = slow

def work(name):
    trace.get_tracer("work").start_span(name).end()

def crash():
    work("child")
    raise LookupError("planted")

thread = threading.Thread(target=work, args=("parent",))
thread.start()
began.wait()
threading.Timer(0.3, go.set).start()
child = multiprocessing.get_context("fork").Process(target=crash)
child.start()
child.join(60)
print(child.exitcode)
child.kill()
thread.join()
print("left", telemetry.flush(60))
"""


@pytest.mark.parametrize("code", [WAITS, HANGS])
def test_a_fork_waits_for_a_time(tmp_path: Path, code: str) -> None:
    """Until what the lock guards is whole; not for what hangs. It is free in the child."""
    assert printed(tmp_path, CHILD + code).split() == ["0", "free"]


def test_no_lock_stays_locked_in_a_child(tmp_path: Path) -> None:
    with OTLPReceiver() as receiver, EventReceiver() as events:
        *output, owners = printed(
            tmp_path,
            CHILD + LOCKED,
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
            OTEL_TRACES_EXPORTER="otlp,console",
            OTEL_TRACES_SAMPLER="tail",
            OTEL_TRACES_SAMPLER_ARG="1",
            SENTRY_DSN=events.dsn,
            TELEMETRY_SPOOL_DIR="spool",
        ).splitlines()
        lines = [line for line in output if line == "0" or line.startswith("left")]
        assert lines == ["left 0", "0", "left 0"]
        names = sorted(span.name for span in receiver.spans if span.scope == "work")
        assert names == ["after", "child", "parent"]
        assert sorted(str(event.message) for event in events.events) == [
            "planted after",
            "planted child",
            "planted parent",
        ]
    # Not vacuous: some that another thread may hold at any time.
    assert {"DatasetteSpanProcessor", "Outbox", "Sender", "State"} <= {*owners.split()}


def test_a_fork_waits_until_telemetry_has_started(tmp_path: Path) -> None:
    """In a child of a process that is starting it, it would be half started for ever."""
    with OTLPReceiver() as receiver, EventReceiver() as events:
        output = printed(
            tmp_path,
            "import threading" + STARTING,
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
            SENTRY_DSN=events.dsn,
            PYTHONWARNINGS="ignore::DeprecationWarning",
        )
        assert output.splitlines() == ["1", "left 0"]
        assert [event.exceptions for event in events.events] == [(("LookupError", "planted"),)]
        assert sorted(span.name for span in receiver.spans) == ["child", "parent"]
        ids = {span.resource["service.instance.id"] for span in receiver.spans}
        assert len(ids) == 2
