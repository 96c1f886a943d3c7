"""What can't be sent waits on disk, and is sent by any process that has the folder."""

from __future__ import annotations

import dataclasses
import os
import random
import struct
import sys
import threading
import time
import zlib
from shutil import rmtree
from signal import SIGKILL
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.export.spool import CorruptFileError, Spool, SpoolFolder, decode, encode
from telemetry.settings.model import SpoolSettings
from telemetry.testing import EventReceiver
from tests.support.environment import clean_environment
from tests.support.odd_server import Odd, OddServer, Request, answer
from tests.support.processes import free_port, program, refusing_port
from tests.support.waiting import wait_until
from tests.telemetry.export.sending import Sending, sending
from tests.telemetry.export.test_sender import messages, names
from tests.telemetry.scripts import run_python

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from telemetry.export.encoding.requests import Item
    from telemetry.testing import OTLPReceiver

SOURCE = b"resource", b"scope"
ITEMS = st.lists(
    st.tuples(
        st.tuples(st.binary(max_size=20), st.binary(max_size=20)),
        st.binary(max_size=300),
        st.integers(0, 2**32 - 1),
        st.booleans(),
    ),
    max_size=20,
)


def item(text: str, *, is_failure: bool = False) -> Item:
    return SOURCE, text.encode(), 1, is_failure


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def of(
    folder: Path, name: str = "traces-otlp-x", *, max_bytes: int = 10**6, max_age: float = 60
) -> Spool:
    settings = SpoolSettings(str(folder), ("traces",), max_bytes, max_age)
    made = Spool(SpoolFolder(settings), name)
    made.look()
    return made


def texts(taken: Spool) -> Iterator[str]:
    """Take all files, one after the other."""
    while found := taken.take():
        segment, items = found
        yield ",".join(body.decode() for _, body, _, _ in items)
        taken.remove(segment)


@given(ITEMS)
def test_a_file_has_what_was_written(items: list[Item]) -> None:
    """Whatever the bytes of the items are."""
    assert decode(encode(items)) == items


@given(ITEMS.filter(bool), st.data())
def test_a_damaged_file_is_noticed(items: list[Item], data: st.DataObject) -> None:
    """Cut short, with something after it, or with another byte anywhere."""
    content = encode(items)
    with pytest.raises(CorruptFileError):
        decode(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(CorruptFileError):
        decode(content + b"x")
    position = data.draw(st.integers(0, len(content) - 1))
    changed = bytearray(content)
    changed[position] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(CorruptFileError):
        decode(bytes(changed))


def test_the_oldest_file_is_taken_first(tmp_path: Path) -> None:
    """By several workers: each file by one of them."""
    first, second = of(tmp_path), of(tmp_path)
    for text in ("one", "two", "three", "four"):
        first.put([item(text)])
    second.look()
    taken = [found for each in (first, second, first, second) if (found := each.take())]
    assert [items[0][1] for _, items in taken] == [b"one", b"two", b"three", b"four"]
    second.look()
    assert second.take() is None
    for (segment, _), holder in zip(taken, (first, second, first, second), strict=True):
        holder.remove(segment)
    assert files(tmp_path) == []


def test_what_is_written_is_private(tmp_path: Path) -> None:
    """Files and folders are the user's alone."""
    of(tmp_path / "spool").put([item("one")])
    (path,) = files(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_full_folder_drops_the_oldest_ordinary_items(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Of all destinations; failures last. They are counted, and the log says it once."""
    one = encode([item("x0")])
    own = of(tmp_path, max_bytes=len(one) * 4)
    other = Spool(own._folder, "logs-otlp-x")
    dropped: list[tuple[int, str]] = []
    own.on_drop = other.on_drop = lambda count, reason: dropped.append((count, reason))
    own.put([item("f0", is_failure=True)])
    other.put([item("o0")])
    for text in ("o1", "o2", "o3", "o4"):
        own.put([item(text)])
    assert [*texts(own)] == ["f0", "o2", "o3", "o4"]
    assert dropped == [(1, "spool_full")] * 2
    (line,) = messages(caplog)
    assert "TELEMETRY_SPOOL_BYTES" in line
    for text in ("f1", "f2", "f3", "f4", "f5"):
        own.put([item(text, is_failure=True)])
    assert [*texts(own)] == ["f2", "f3", "f4", "f5"]


def test_failures_are_not_dropped_for_others(tmp_path: Path) -> None:
    """Ordinary items stay in memory then; and nothing is dropped for what can never fit."""
    one = encode([item("x0")])
    own = of(tmp_path, max_bytes=len(one) * 4)
    for text in ("f1", "f2", "f3", "f4"):
        own.put([item(text, is_failure=True)])
    with pytest.raises(OSError, match="more than"):
        own.put([item("o1")])
    with pytest.raises(OSError, match="more than"):
        own.put([item(random.Random(0).randbytes(len(one) * 5).hex(), is_failure=True)])
    own.look()
    assert [*texts(own)] == ["f1", "f2", "f3", "f4"]


@pytest.mark.parametrize("inside", [b"no zlib", zlib.compress(b"x"), zlib.compress(b"\xff" * 17)])
def test_a_file_of_another_writer_is_noticed(inside: bytes) -> None:
    """Its checksum is right, and it has no items."""
    sizes = struct.pack(">IQ", zlib.crc32(inside), len(inside))
    content = encode([])
    start = content[: len(content) - len(zlib.compress(b"", 1)) - len(sizes)]
    with pytest.raises(CorruptFileError, match="no items"):
        decode(start + sizes + inside)


def test_an_item_that_never_fits_stays_in_memory(tmp_path: Path) -> None:
    """`test_failures_are_not_dropped_for_others` has files that it leaves."""
    own = of(tmp_path, max_bytes=10)
    with pytest.raises(OSError, match="more than 10 bytes"):
        own.put([item("one")])
    assert files(tmp_path) == []


def test_old_items_are_dropped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Also those of a destination that is not configured any more, and unfinished files."""
    gone, own = of(tmp_path, "traces-otlp-gone"), of(tmp_path)
    gone.put([item("old")])
    own.put([item("old"), item("old")])
    unfinished = own.path / "x.writing"
    unfinished.touch()
    os.utime(unfinished, (1, 1))
    later = Spool(SpoolFolder(SpoolSettings(str(tmp_path), max_age=0)), "traces-otlp-x")
    dropped: list[tuple[int, str]] = []
    later.on_drop = lambda count, reason: dropped.append((count, reason))
    later.look()
    assert files(tmp_path) == []
    # One of the unfinished file, of which no item is known.
    assert sorted(dropped) == [(0, "spool_expired"), (2, "spool_expired")]
    (line,) = messages(caplog)
    assert "TELEMETRY_SPOOL_AGE" in line


@pytest.mark.parametrize("sync", [False, True])
def test_files_are_synced_if_that_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sync: bool
) -> None:
    """The file, and the folder that has its name."""
    synced: list[str] = []
    for name in ("fdatasync", "fsync"):
        system = getattr(os, name)

        def call(descriptor: int, system: Callable[[int], None] = system) -> None:
            synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
            system(descriptor)

        monkeypatch.setattr(os, name, call)
    own = Spool(SpoolFolder(SpoolSettings(str(tmp_path), sync=sync)), "traces-otlp-x")
    own.put([item("one")])
    (path,) = files(tmp_path)
    assert synced == ([f"{path}.writing", str(path.parent)] if sync else [])


def test_a_damaged_file_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The others are sent; the log says it once."""
    own = of(tmp_path)
    for text in ("one", "two", "three"):
        own.put([item(text)])
    for path in files(tmp_path)[:2]:
        path.write_bytes(path.read_bytes()[:-1])
    dropped: list[tuple[int, str]] = []
    own.on_drop = lambda count, reason: dropped.append((count, reason))
    assert [*texts(own)] == ["three"]
    assert dropped == [(1, "spool_corrupt")] * 2
    (line,) = messages(caplog)
    assert "set aside" in line
    own.look()
    assert own.take() is None
    assert [path.suffix for path in files(tmp_path)] == [".corrupt"] * 2


def test_what_can_not_be_deleted_is_not_sent_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its file is cut, which the log says once, and deleted when that is possible."""
    own, other = of(tmp_path), of(tmp_path)
    for text in ("one", "two"):
        own.put([item(text)])
    dropped: list[tuple[int, str]] = []
    own.on_drop = other.on_drop = lambda count, reason: dropped.append((count, reason))
    while found := own.take():
        segment, _ = found
        # A folder in its place, since a read-only one does not keep root from deleting.
        moved = segment.path.rename(segment.path.with_suffix(".moved"))
        segment.path.mkdir()
        own.remove(segment)
        segment.path.rmdir()
        moved.rename(segment.path)
    assert len(files(tmp_path)) == 2
    other.look()
    assert other.take() is None
    assert files(tmp_path) == []
    assert dropped == []
    (line,) = messages(caplog)
    assert "can't be deleted" in line


def test_a_removed_folder_is_made_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What was in it is counted, and the log says so once."""
    own = of(tmp_path)
    dropped: list[tuple[int, str]] = []
    own.on_drop = lambda count, reason: dropped.append((count, reason))
    for text in ("one", "two"):
        own.put([item(text)])
    rmtree(own.path)
    own.put([item("three")])
    assert [*texts(own)] == ["three"]
    own.put([item("four")])
    rmtree(own.path)
    assert own.take() is None
    assert dropped == [(2, "spool_removed"), (1, "spool_removed")]
    (line,) = messages(caplog)
    assert "were removed" in line


def test_a_file_that_was_deleted_is_written_again(server: OddServer, tmp_path: Path) -> None:
    """If its items are in memory still, when the process stops."""
    server.reply = lambda _: answer(503)
    with sending(**to(server, tmp_path)) as made:
        made.span("one")
        made.flush(0.2)
        (path,) = files(tmp_path)
        path.unlink()
        leave(made)
        assert len(files(tmp_path)) == 1


@pytest.fixture
def server() -> Iterator[OddServer]:
    with OddServer() as made:
        yield made


def to(server: OddServer, folder: Path, **environ: str) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{server.url}/v1/traces",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "TELEMETRY_SPOOL_DIR": str(folder),
        **environ,
    }


def leave(made: Sending) -> None:
    for sender in made.senders:
        sender.rest(3600)
        assert sender.leave()


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_is_refused_now_is_sent_by_another_process(
    server: OddServer, tmp_path: Path, status: int
) -> None:
    """After a process has ended, however it ended: all of it, once, in order."""
    server.reply = lambda _: answer(status)
    with sending(**to(server, tmp_path)) as first:
        for number in range(5):
            first.span(str(number))
            first.flush(0.2)
        leave(first)
        found = first.of("traces")
        assert (found.accepted, found.undelivered, found.failed) == (5, 0, 0)
    wait_until(lambda: "telemetry-sender" not in {thread.name for thread in threading.enumerate()})
    server.requests.clear()
    server.reply = lambda _: answer()
    with sending(**to(server, tmp_path)) as second:
        second.span("5")
        second.flush()
        wait_until(lambda: second.of("traces").delivered == 6)
        assert second.of("traces").pending == 0
    assert [name for request in server.requests for name in names(request)] == [*"012345"]
    assert files(tmp_path) == []


def test_a_silent_backend_does_not_hold_a_stop_up(server: OddServer, tmp_path: Path) -> None:
    """What it has not accepted is on disk; if it accepts it after all, it is deleted."""
    may_answer = False

    def reply(_: object) -> object:
        while not may_answer:
            time.sleep(0.01)
        return answer()

    server.reply = reply  # type: ignore[assignment]
    with sending(**to(server, tmp_path)) as made:
        made.span("one")
        assert not made.flush(0.1)
        wait_until(lambda: server.requests)
        made.span("two")
        leave(made)
        assert len(files(tmp_path)) == 2
        assert made.of("traces").undelivered == 0
        may_answer = True
        wait_until(lambda: len(files(tmp_path)) == 1)
        assert made.of("traces").delivered == 1
    (left,) = files(tmp_path)
    ((_, body, _, _),) = decode(left.read_bytes())
    assert b"two" in body


def test_what_comes_during_a_slow_request_is_written(server: OddServer, tmp_path: Path) -> None:
    """The thread that sends is waiting, and the queue in memory is small."""
    may_answer = False

    def reply(_: object) -> object:
        while not may_answer:
            time.sleep(0.01)
        return answer()

    server.reply = reply  # type: ignore[assignment]
    small = {"OTEL_BSP_MAX_QUEUE_SIZE": "10", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "5"}
    with sending(**to(server, tmp_path, **small)) as made:
        outbox = made.known["traces"][0].outbox
        assert outbox is not None
        made.span("first")
        made.flush(0.1)
        for number in range(100):
            wait_until(lambda: outbox.waiting < 5)
            made.span(str(number))
        may_answer = True
        made.flush()
        wait_until(lambda: made.of("traces").delivered == 101)
        assert made.of("traces").failed == 0
    sent = [name for request in server.requests for name in names(request)]
    assert sent == ["first", *map(str, range(100))]
    assert files(tmp_path) == []


def test_a_folder_that_can_not_be_written_changes_nothing(
    server: OddServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said once, and items wait in memory as without it."""
    blocked = tmp_path / "spool"
    server.reply = lambda _: answer(503)
    with sending(**to(server, blocked)) as made:
        blocked.write_text("a file")
        for number in range(3):
            made.span(str(number))
            made.attempt(number + 1, server.requests)
        (sender,) = made.senders
        assert not sender.leave()
        server.reply = lambda _: answer()
        assert made.flush()
        found = made.of("traces")
        assert (found.delivered, found.failed) == (3, 0)
    lines = [line for line in messages(caplog) if "the spool" in line]
    assert len(lines) == 1
    assert "Not a directory" in lines[0] or "File exists" in lines[0]


def test_no_backend_is_needed(tmp_path: Path) -> None:
    """A refused connection costs no item: what is in the spool counts as kept."""
    address = f"http://127.0.0.1:{refusing_port()}/v1/traces"
    with OddServer() as server:
        environ = to(server, tmp_path) | {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": address}
        with sending(**environ) as made:
            made.span("one")
            assert made.flush()
            assert made.of("traces").undelivered == 1, "this process still tries"
            leave(made)
            assert made.of("traces").undelivered == 0
        assert len(files(tmp_path)) == 1


def test_a_fork_does_not_hold_its_parents_files(tmp_path: Path) -> None:
    """When the parent is killed, another process sends them, although the child lives on."""
    code = """
import os, signal, sys, time, telemetry
from opentelemetry import trace
telemetry.configure(default_service_name="script")
trace.get_tracer("mine").start_span("one").end()
telemetry.flush()
parent = os.getpid()
child = os.fork()
if child:
    print(child, flush=True)
    while True:
        time.sleep(1)
os.kill(parent, signal.SIGKILL)
time.sleep(3600)
"""
    env = clean_environment() | {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://127.0.0.1:{refusing_port()}/v1/traces",
        "TELEMETRY_SPOOL_DIR": str(tmp_path),
    }
    with program([sys.executable, "-c", code], env=env, cwd=tmp_path) as running:
        wait_until(lambda: running.exit_code == -SIGKILL)
        (path,) = files(tmp_path)
        other = of(tmp_path, path.parent.name)
        taken = other.take()
        assert taken is not None
        other.give_back(taken[0])


SENDS = """
import telemetry
telemetry.configure(default_service_name="script")
from opentelemetry import metrics, trace
with trace.get_tracer("mine").start_as_current_span("work", attributes={"to": "me@example.org"}):
    metrics.get_meter("mine").create_counter("done").add(1)
"""


def test_a_program_leaves_what_it_could_not_send(tmp_path: Path, receiver: OTLPReceiver) -> None:
    """It does not wait for the backend, and any other program sends it: all signals, redacted."""
    # The address is the same, and nothing listens there at first.
    receiver.close()
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "TELEMETRY_SPOOL_DIR": str(tmp_path / "spool"),
        "TELEMETRY_SHUTDOWN_TIMEOUT": "3600s",
    }
    done = run_python(tmp_path, SENDS, **variables)
    assert done.returncode == 0, done.stderr
    assert "undelivered" not in done.stderr
    found = {path.parent.name.partition("-")[0] for path in files(tmp_path / "spool")}
    assert found == {"traces", "metrics", "logs"}
    receiver.start()
    later = """
import telemetry
telemetry.configure(default_service_name="script")
from opentelemetry import trace
trace.get_tracer("mine").start_span("later").end()
telemetry.flush(60)
import time
while list(__import__("pathlib").Path(%r).rglob("*.items")):
    time.sleep(0.05)
"""
    done = run_python(tmp_path, later % str(tmp_path / "spool"), **variables)
    assert done.returncode == 0, done.stderr
    assert {span.name: span.attributes.get("to") for span in receiver.spans} == {
        "work": "[REDACTED]",
        "later": None,
    }
    # That telemetry has started, of each program.
    assert len(receiver.logs) == 2
    assert "done" in {point.name for point in receiver.metrics}


FAILS = """
import logging, telemetry
telemetry.configure(default_service_name="script")
telemetry.report_errors()
logging.getLogger("mine").error("minutes of me@example.org are lost")
"""


WAITS = """
import pathlib, time, telemetry
telemetry.configure(default_service_name="script")
telemetry.report_errors()
while list(pathlib.Path("SPOOL").rglob("*.items")):
    time.sleep(0.05)
"""


def test_an_error_event_waits_for_its_tracker(tmp_path: Path) -> None:
    """Another program sends it, with the time at which it is sent, and the files are private."""
    errors = EventReceiver(free_port())
    with errors:
        dsn = errors.dsn
    variables = {
        "SENTRY_DSN": dsn,
        "TELEMETRY_SPOOL_DIR": str(tmp_path / "spool"),
        "TELEMETRY_SHUTDOWN_TIMEOUT": "3600s",
    }
    done = run_python(tmp_path, FAILS, **variables)
    assert "undelivered" not in done.stderr
    (path,) = files(tmp_path / "spool")
    assert path.parent.name.startswith("errors-sentry-")
    ((_, body, _, is_failure),) = decode(path.read_bytes())
    assert is_failure
    assert b"me@example.org" not in body
    with errors:
        run_python(tmp_path, WAITS.replace("SPOOL", str(tmp_path / "spool")), **variables)
        (event,) = errors.events
        assert event.message == "minutes of [REDACTED] are lost"


def test_a_request_that_is_too_large_is_divided_on_disk_too(
    server: OddServer, tmp_path: Path
) -> None:
    """What was delivered of it does not come twice."""
    seen: list[list[str]] = []

    def reply(request: object) -> object:
        found = names(request)  # type: ignore[arg-type]
        if len(seen) == 0:
            seen.append(found)
            return answer(503)
        if len(found) > 2:
            return answer(413)
        seen.append(found)
        return answer(200 if len(seen) < 3 else 503)

    server.reply = reply  # type: ignore[assignment]
    with sending(**to(server, tmp_path)) as made:
        for number in range(8):
            made.span(str(number))
        while len(seen) < 3:
            made.flush(0.1)
        leave(made)
    waiting = [body for path in files(tmp_path) for _, body, _, _ in decode(path.read_bytes())]
    assert len(waiting) == 6


def test_a_request_that_is_too_large_stays_on_a_full_disk(
    server: OddServer, tmp_path: Path
) -> None:
    """Where its parts have no room, the whole of it stays until the last part is settled."""
    server.reply = lambda _: answer(503)
    with sending(**to(server, tmp_path)) as made:
        for number in range(8):
            made.span(str(number))
        made.attempt(1, server.requests)
        (path,) = files(tmp_path)
        [delivery] = made.senders[0].deliveries
        assert delivery.spool is not None
        folder = delivery.spool._folder
        folder.settings = dataclasses.replace(folder.settings, max_bytes=1)
        folder._allowance = 0
        # Each part that is taken, and what is on disk meanwhile.
        taken: list[tuple[list[str], list[Path]]] = []

        def reply(request: Request) -> Odd:
            found = names(request)
            if len(found) > 2:
                return answer(413)
            taken.append((found, files(tmp_path)))
            return answer()

        server.reply = reply
        made.flush()
        wait_until(lambda: files(tmp_path) == [])
    assert taken == [([str(number), str(number + 1)], [path]) for number in range(0, 8, 2)]


@pytest.mark.parametrize("processes", [2, 8])
def test_several_processes_keep_to_the_limit_together(tmp_path: Path, processes: int) -> None:
    """Each writes without a look at the folder, between its looks for other's files."""
    most = 100_000
    spools = [of(tmp_path, max_bytes=most) for _ in range(processes)]
    lost = []
    for each in spools:
        each.on_drop = lambda count, _reason: lost.append(count)
    sizes, written = [], 0
    while len(lost) < 10:
        for each in spools:
            each.put([item(os.urandom(500).hex())])
            written += 1
            sizes.append(sum(path.stat().st_size for path in files(tmp_path)))
    assert max(sizes) <= most
    # Not for less.
    assert max(sizes) > 0.98 * most
    assert len(files(tmp_path)) == written - sum(lost)


def test_a_fork_leaves_no_file_locked(tmp_path: Path) -> None:
    """A file that is written meanwhile is taken while the child lives."""
    code = """
    import fcntl, os, signal, sys, threading, time
    from pathlib import Path
    from telemetry.export import spool
    from telemetry.settings.model import SpoolSettings

    made = spool.Spool(spool.SpoolFolder(SpoolSettings("folder", ("traces",), 10**6, 60)), "traces")
    # As telemetry does.
    os.register_at_fork(after_in_child=made.forked)
    locked = threading.Event()

    def slow(descriptor, operation):
        fcntl.flock(descriptor, operation)
        locked.set()
        time.sleep(0.3)

    spool.flock = slow
    item = ((b"", b""), b"item", 1, False)
    thread = threading.Thread(target=made.put, args=([item],))
    thread.start()
    locked.wait()
    child = os.fork()
    if child == 0:
        while True:
            signal.pause()
    thread.join()
    spool.flock = fcntl.flock
    taken = made.take()
    print(taken is not None and taken[1] == [item])
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    """
    assert run_python(tmp_path, code).stdout.strip() == "True"
