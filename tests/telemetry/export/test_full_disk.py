"""The disk of the spool's folder is full, and then it has room again."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.support.environment import clean_environment
from tests.support.odd_server import OddServer, answer
from tests.support.paths import ROOT
from tests.support.small_disk import PAGE, NoSmallDiskError, small_disk
from tests.telemetry.export.sending import sending
from tests.telemetry.export.test_sender import names

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.support.small_disk import Disk

WHILE_LIMITED = """
import logging, sys
from pathlib import Path
logging.basicConfig(stream=sys.stdout, format="%(message)s")
from tests.support.small_disk import LimitedDisk
from tests.telemetry.export.test_full_disk import survive
survive(LimitedDisk(Path.cwd() / "spool"))
"""


def survive(disk: Disk) -> None:
    """Fill the disk twice during an outage: each span comes once, wherever it waited.

    Raises AssertionError otherwise.
    """

    def stored() -> int:
        return sum(int(path.name.split("-")[1]) for path in disk.folder.rglob("*.items"))

    def left() -> list[Path]:
        return [path for path in disk.folder.rglob("*.writing") if path.stat().st_size]

    with OddServer(lambda _: answer(503)) as server:
        environ = {
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{server.url}/v1/traces",
            "TELEMETRY_SPOOL_DIR": str(disk.folder),
        }
        with sending(**environ) as made:
            for episode in range(2):
                written = stored()
                disk.fill()
                for number in range(3):
                    made.span(f"{episode}.{number}")
                    made.attempt(len(server.requests) + 1, server.requests)
                assert stored() == written == episode * 3
                assert left() == []
                if episode == 0:
                    disk.empty()
                    while stored() < 3:
                        made.flush(0.05)
            # The disk is still full.
            server.requests.clear()
            server.reply = lambda _: answer()
            assert made.flush()
            statistics = made.of("traces")
            assert (statistics.delivered, statistics.failed, statistics.undelivered) == (6, 0, 0)
            assert stored() == 0
            disk.empty()
    sent = [name for request in server.requests for name in names(request)]
    assert sorted(sent) == ["0.0", "0.1", "0.2", "1.0", "1.1", "1.2"]


def complaints(printed: str) -> list[str]:
    return [line for line in printed.splitlines() if "can't be written" in line]


def test_a_full_disk_costs_no_item(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Items wait in memory meanwhile. It is said once each time."""
    try:
        with small_disk(8 * PAGE) as disk:
            survive(disk)
    except NoSmallDiskError:
        # The kernel grants only root a file system: the nearest to it that has a test.
        test_a_limit_of_file_sizes_costs_no_item(tmp_path)
    else:
        lines = complaints(caplog.text)
        assert len(lines) == 2
        assert all(os.strerror(28) in line for line in lines)


def test_a_limit_of_file_sizes_costs_no_item(tmp_path: Path) -> None:
    """`ulimit -f`, which a service may be started with; the process can write no file at all."""
    done = subprocess.run(
        [sys.executable, "-c", WHILE_LIMITED],
        cwd=tmp_path,
        env=clean_environment(PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    lines = complaints(done.stdout)
    assert len(lines) == 2
    assert all("File too large" in line for line in lines)
