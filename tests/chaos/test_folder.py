"""The spool's folder or its disk is full; it can't be written, is removed, has a damaged file."""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from telemetry.testing import OTLPReceiver
from tests.chaos.promises import (
    DROPPED,
    UNDELIVERED,
    ask,
    duplicates,
    ended,
    spans,
    wait_for_all,
)
from tests.support.servers import serve_uvicorn
from tests.support.small_disk import small_disk
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chaos.promises import Promise

pytestmark = pytest.mark.chaos

REQUESTS = 100
VARIABLES = {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "10"}


def dropped(printed: str) -> int:
    """Return the number of spans that the log says were dropped."""
    return sum(map(int, DROPPED.findall(printed)))


def test_a_full_folder_drops_the_oldest_and_counts(promise: Promise) -> None:
    """Room for a part of an outage."""
    variables = promise.variables(VARIABLES, TELEMETRY_SPOOL_BYTES="8000")
    with serve_uvicorn(env=variables) as server:
        sent = ask(server, 3 * REQUESTS)
        wait_until(lambda: len(promise.stored(sent[-1:])) == 1)
        assert sum(path.stat().st_size for path in promise.files()) <= 8000
        with OTLPReceiver(promise.port) as receiver:
            wait_for_all(receiver, sent[-1:])
            wait_until(lambda: promise.files() == [])
            server.stop()
    arrived = spans(receiver)
    assert duplicates(arrived) == {}
    # But for the batch that was tried first, which this process holds.
    kept = arrived[10:]
    assert kept
    assert kept == ended(server, sent)[-len(kept) :]
    assert 0 < dropped(server.output()) == len(sent) - len(arrived)
    assert server.output().count("TELEMETRY_SPOOL_BYTES") == 1


def test_a_folder_that_becomes_read_only_is_said_once(promise: Promise, tmp_path: Path) -> None:
    """Items wait in memory, and nothing is sent twice because its file can't be deleted."""
    with serve_uvicorn(
        env=promise.variables(VARIABLES), python=without_privileges(tmp_path)
    ) as server:
        sent = ask(server, REQUESTS)
        wait_until(lambda: len(promise.stored(sent)) == len(sent))
        [folder] = promise.spool.iterdir()
        folder.chmod(0o500)
        sent += ask(server, REQUESTS)
        wait_until(lambda: "can't be written" in server.output())
        with OTLPReceiver(promise.port) as receiver:
            wait_for_all(receiver, sent)
            # Of the files that can't be deleted, none has anything to send any more.
            wait_until(lambda: promise.stored(sent) == [])
            server.stop()
    assert promise.files()
    folder.chmod(0o700)
    with receiver, serve_uvicorn(env=promise.variables(VARIABLES)) as server_after:
        wait_until(lambda: promise.files() == [])
        server_after.stop()
    assert sorted(spans(receiver)) == sorted(sent)
    assert server.output().count("can't be written") == 1
    assert server.output().count("can't be deleted") == 1
    assert UNDELIVERED.findall(server.output()) == []


def test_a_full_disk_harms_nothing(promise: Promise) -> None:
    """A file system without room for a byte: said once; with room again, all is on it."""
    with small_disk(2_000_000) as disk:
        promise = replace(promise, spool=disk.folder)
        with serve_uvicorn(env=promise.variables(VARIABLES)) as server:
            sent = ask(server, REQUESTS)
            wait_until(lambda: len(promise.stored(sent)) == len(sent))
            disk.fill()
            sent += ask(server, REQUESTS)
            wait_until(lambda: "can't be written" in server.output())
            disk.empty()
            sent += ask(server, REQUESTS)
            wait_until(lambda: len(promise.stored(sent)) == len(sent))
            disk.fill()
            sent += ask(server, REQUESTS)
            with OTLPReceiver(promise.port) as receiver:
                wait_for_all(receiver, sent)
                wait_until(lambda: promise.files() == [])
                server.stop()
    assert sorted(spans(receiver)) == sorted(sent)
    # Once each time.
    assert server.output().count("can't be written: No space left on device") == 2
    assert UNDELIVERED.findall(server.output()) == []


def without_privileges(folder: Path) -> Path:
    """Return an interpreter to which file modes apply, even if root runs it."""
    path = folder / "python"
    drop = "setpriv --bounding-set -dac_override,-dac_read_search " if os.geteuid() == 0 else ""
    path.write_text(f'#!/bin/sh\nexec {drop}{sys.executable} "$@"\n')
    path.chmod(0o755)
    return path


def test_a_removed_folder_is_made_again(promise: Promise) -> None:
    """What was in it is lost, counted and said once; all that comes later arrives."""
    with serve_uvicorn(env=promise.variables(VARIABLES)) as server:
        early = ask(server, REQUESTS)
        wait_until(lambda: len(promise.stored(early)) == len(early))
        shutil.rmtree(promise.spool)
        late = ask(server, REQUESTS)
        wait_until(lambda: len(promise.stored(late)) == len(late))
        with OTLPReceiver(promise.port) as receiver:
            wait_for_all(receiver, late)
            wait_until(lambda: promise.files() == [])
            server.stop()
    arrived = spans(receiver)
    assert duplicates(arrived) == {}
    assert server.output().count("were removed") == 1
    assert dropped(server.output()) == len(early) + len(late) - len(arrived)


def test_a_truncated_file_is_set_aside(promise: Promise) -> None:
    """By the next process, which sends the others."""
    with serve_uvicorn(env=promise.variables(VARIABLES)) as server:
        sent = ask(server, REQUESTS)
        server.stop()
    files = promise.files()
    assert len(files) > 2
    broken = files[len(files) // 2]
    damaged = promise.stored(sent, [broken])
    intact = [trace for trace in sent if trace not in damaged]
    os.truncate(broken, broken.stat().st_size - 1)
    with (
        OTLPReceiver(promise.port) as receiver,
        serve_uvicorn(env=promise.variables(VARIABLES)) as server,
    ):
        wait_for_all(receiver, intact)
        wait_until(lambda: promise.files() == [])
        server.stop()
    assert sorted(spans(receiver)) == sorted(intact)
    assert server.output().count("is set aside") == 1
    assert broken.with_name(broken.name + ".corrupt").exists()
    # The file's name has the number of its items.
    assert re.findall(r"\d{20}-(\d+)-", broken.name) == [str(len(damaged))]
