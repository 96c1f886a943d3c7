"""The runbook, step by step: its own files, its own commands, and what it says that they print.

Where it has an engine do something, what that does is done here: `docker compose exec` runs a
command in a container, `deploy/switch.sh` starts the other colour and ends the one before,
`docker compose up collector` is the official collector with that destination.
"""

from __future__ import annotations

import re
import shlex
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from telemetry.testing import OTLPReceiver
from tests.deploy.colours import RUNBOOK, Colour
from tests.documents.documents import Block, blocks
from tests.support.bugsink import Bugsink, serve_bugsink
from tests.support.collector import Addresses, serve_collector
from tests.support.container import Container, Volumes
from tests.telemetry.testing.senders import send_log

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.dockerfile import Image
    from tests.support.processes import Program

pytestmark = [pytest.mark.deployment, pytest.mark.timeout(1800)]

SWITCH = "RELEASE_SHA=$(git rev-parse HEAD) deploy/switch.sh"
EXEC = re.compile(r"docker compose exec (blue|green) (.*)")
LOGS = re.compile(r"docker compose logs --no-log-prefix (blue|green) \| grep -c '(.*)'")
COLLECTOR = re.compile(r"DEST=(\w+) docker compose up --detach collector")
VISITS = 300


class Machine:
    """What the runbook's reader has, in its present state."""

    def __init__(self, image: Image, folder: Path, bugsink: Bugsink, stack: ExitStack) -> None:
        self.folder = folder
        self.stack = stack
        self.bugsink = bugsink
        self.addresses = Addresses()
        self.backends = {"logfire": OTLPReceiver(), "otlp": OTLPReceiver()}
        for backend in self.backends.values():
            stack.enter_context(backend)
        volumes = Volumes.in_folder(folder, image)
        self.colours = {name: Colour(image, volumes) for name in ("blue", "green")}
        self.containers: dict[str, Container] = {}
        self.serving = ""
        self.collector: Program | None = None
        self.files: dict[str, dict[str, str]] = {"corkboard.env": {}, "collector.env": {}}
        self.switches = 0

    def variables(self) -> dict[str, str]:
        """`corkboard.env` as a container gets it."""
        real = {"http://collector:4318": self.addresses.url}
        found = {
            name: real.get(value, value) for name, value in self.files["corkboard.env"].items()
        }
        if "SENTRY_DSN" in found:
            found["SENTRY_DSN"] = self.bugsink.dsn
        return found

    def write(self, block: Block) -> None:
        """Lines more in one of the files; a later one of the same name counts, as in a shell."""
        for line in block.text.splitlines():
            name, _, value = line.partition("=")
            self.files[block.argument][name] = value

    def do(self, line: str) -> str:
        """Give what it prints."""
        if line == SWITCH:
            self.switch()
            return ""
        if found := EXEC.fullmatch(line):
            done = self.colours[found[1]].run(self.variables(), *shlex.split(found[2]))
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout
        if found := LOGS.fullmatch(line):
            return str(self.containers[found[1]].program.stdout().count(found[2]))
        if found := COLLECTOR.fullmatch(line):
            self.collect(found[1])
            return ""
        raise AssertionError(f"nothing here does: {line}")

    def switch(self) -> None:
        """In the order of deploy/switch.sh; each time with visits, before and after."""
        new = "green" if self.serving == "blue" else "blue"
        container = self.stack.enter_context(self.colours[new].serve(self.variables()))
        if self.serving:
            assert self.containers[self.serving].stop() == 0
        self.containers[new], self.serving = container, new
        self.switches += 1
        for _ in range(VISITS if self.variables().get("OTEL_TRACES_SAMPLER_ARG") == "0.01" else 5):
            assert self.colours[new].get("/").status_code == 200

    def collect(self, destination: str) -> None:
        """Stop the collector that there is, and start one with another destination."""
        if self.collector is not None:
            assert self.collector.stop() == 0
        variables = self.files["collector.env"] | {
            "LOGFIRE_BASE_URL": self.backends["logfire"].url,
            "DEST_ENDPOINT": self.backends["otlp"].url,
        }
        self.collector = self.stack.enter_context(
            serve_collector(destination, self.folder, self.addresses, **variables)
        )


def assert_prints(block: Block, printed: str) -> None:
    """Each line of it, in any order; `…` is anything, and columns may be wider."""
    for line in block.text.strip().splitlines():
        pattern = re.escape(" ".join(line.split())).replace("…", ".*").replace(r"\ ", r"\s+")
        assert re.search(rf"^\s*{pattern}\s*$", printed, re.MULTILINE), (
            f"{block}: {line}\n{printed}"
        )


def test_each_step_does_what_it_says(image: Image, tmp_path: Path) -> None:
    """In order, from a dark start to off again, and to another backend."""
    with ExitStack() as stack:
        bugsink = stack.enter_context(serve_bugsink(tmp_path / "bugsink"))
        machine = Machine(image, tmp_path, bugsink, stack)
        printed: list[str] = []
        for block in blocks("rollout.md", RUNBOOK.read_text("utf-8")):
            if block.verb == "file":
                machine.write(block)
            elif block.verb == "run by":
                printed = [machine.do(line) for line in block.text.splitlines()]
                _look(machine, block, printed)
            elif block.language == "text":
                assert_prints(block, printed[-1])
        assert machine.switches == 6
        assert [event["release"] for event in bugsink.events()] == [machine_release(image)] * 2
        back_to_the_dark(machine)
        # What is sent now goes to where the collector was last told.
        before = len(machine.backends["otlp"].logs)
        send_log(machine.addresses)
        machine.backends["logfire"].wait_for(
            lambda r: any(log.event_name == "room.heated" for log in r.logs)
        )
        assert len(machine.backends["otlp"].logs) == before


def back_to_the_dark(machine: Machine) -> None:
    """All lines but the first step's are taken out again."""
    found = list(blocks("rollout.md", RUNBOOK.read_text("utf-8")))
    first = next(block for block in found if block.verb == "file")
    said = next(block for block in found if block.language == "text")
    machine.files[first.argument].clear()
    machine.write(first)
    machine.switch()
    command = f"docker compose exec {machine.serving} python3 -m telemetry config"
    assert_prints(said, machine.do(command))


def machine_release(image: Image) -> str:
    """Baked into it."""
    return (image.root / ".release").read_text().strip()


def _look(machine: Machine, block: Block, printed: list[str]) -> None:
    """At what the runbook says besides of what was just done."""
    if "trace_kept" in block.text:
        kept, left = map(int, printed)
        assert kept + left == VISITS
        # One in a hundred: more than 15 of 300 come once in a hundred thousand times.
        assert kept <= 15
        logs = machine.backends["logfire"]
        logs.wait_for(lambda r: r.logs)
        # The access lines are for standard output.
        assert all(log.scope != "telemetry.access" for log in logs.logs)
        assert {request.headers["authorization"] for request in logs.requests} == {
            machine.files["collector.env"]["LOGFIRE_TOKEN"]
        }
    if block.text.startswith("DEST=otlp"):
        # There and back again; in between, what the host sends arrives at the other.
        machine.collect("otlp")
        send_log(machine.addresses)
        machine.backends["otlp"].wait_for(lambda r: r.logs)
        machine.backends["logfire"].clear()
        machine.collect("logfire")


def test_what_it_says_is_looked_at(tmp_path: Path) -> None:
    """A line that is not printed would be noticed."""
    block = Block("x.md", 1, "text", "sampler   tail …\n", "", "")
    assert_prints(block, "a\nsampler                tail 0.05\n")
    with pytest.raises(AssertionError, match=r"x\.md:1: sampler"):
        assert_prints(block, "sampler    parentbased\n")
