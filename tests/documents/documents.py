"""The code blocks of documents that a reader types, and how each is run.

An HTML comment in front of a fenced block says how:

- `<!-- file: NAME -->`: the block is written to that file, in a folder for the document.
- `<!-- run -->`: the block is run there, in the order of the document.
- `<!-- serve -->`: the block starts a server, which is stopped at the end of the document.
- `<!-- open -->`: addresses, each of which answers with a status below 400.
- `<!-- prints -->`: lines that the last server prints; numbers differ, `…` is any text.
- `<!-- run by: PATH -->`: that test runs the block.
- `<!-- not run: REASON -->`: the block can't be run in tests.
"""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import httpx

from tests.support import web
from tests.support.environment import clean_environment
from tests.support.paths import ROOT
from tests.support.processes import HOST, Program, accepts_connections, free_port, program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

TYPED = {"sh", "console", "python"}
"""Languages of blocks that a reader types; others are shown."""
_BLOCK = re.compile(r"(?:^<!-- ([^\n]*?) -->\n+)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block."""

    document: str
    line: int
    language: str
    text: str
    verb: str
    """One of the above; empty without a comment."""
    argument: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def documents() -> list[Path]:
    """The README, the pages beside it that a forge shows, and every page of `docs`."""
    shown = ("README.md", "CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "SECURITY.md")
    return [*(ROOT / name for name in shown), *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(document: str, text: str) -> Iterator[Block]:
    """The blocks of a document, in its order."""
    for found in _BLOCK.finditer(text):
        verb, _, argument = (found[1] or "").partition(":")
        line = text.count("\n", 0, found.start(3))
        yield Block(document, line, found[2], found[3], verb.strip(), argument.strip())


def problems(block: Block, root: Path = ROOT) -> str | None:
    """What is wrong with the comment of a block, or None."""
    if block.verb == "run by":
        path = root / block.argument
        return None if path.is_file() else f"{block}: there is no {block.argument}"
    if block.verb == "not run":
        return None if block.argument else f"{block}: the comment has no reason"
    if block.verb in ("file", "run", "serve", "open", "prints") or (
        not block.verb and block.language not in TYPED
    ):
        return None
    return f"{block}: no test runs it ({block.verb or 'no comment'})"


def follow(found: list[Block], folder: Path) -> None:
    """Run the blocks as a reader does. Raises AssertionError with the output of one that fails."""
    # The ports that the documents name may be in use.
    ports = {port: str(free_port()) for port in ("8000", "8001", "4318")}
    with ExitStack() as servers:
        running: Program | None = None
        for block in found:
            text = with_ports(block.text, ports)
            match block.verb:
                case "file":
                    path = folder / block.argument
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(text, encoding="utf-8")
                case "run":
                    _run(block, text, folder)
                case "serve":
                    command = _command(block, text)
                    running = servers.enter_context(
                        program(command, env=_environment(folder), cwd=folder)
                    )
                    [port] = [port for port in ports.values() if port in text] or [ports["8000"]]
                    running.wait_until(partial(accepts_connections, int(port)))
                case "open":
                    for address in text.split():
                        _open(block, address)
                case "prints":
                    assert running is not None, f"{block}: nothing was served before"
                    _wait_for(block, running)


def with_ports(text: str, ports: Mapping[str, str]) -> str:
    """Put another port in each documented port's place, all at once.

    One after the other, a free port that has a documented one in it would be replaced, too.
    """
    documented = "|".join(map(re.escape, ports))
    return re.sub(rf"(?<!\d)(?:{documented})(?!\d)", lambda found: ports[found[0]], text)


def _run(block: Block, text: str, folder: Path) -> None:
    done = subprocess.run(
        _command(block, text),
        cwd=folder,
        env=_environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=300,
    )
    if done.returncode:
        raise AssertionError(f"{block} ends with {done.returncode}:\n{done.stdout}")


def _open(block: Block, address: str) -> None:
    # Browsers resolve `*.localhost` to this machine; not every resolver does.
    url = httpx.URL(address)
    answer = web.get(
        url.copy_with(host=HOST),
        headers={"Host": url.netloc.decode()},
        follow_redirects=True,
    )
    assert answer.status_code < 400, f"{block}: {address} answers {answer.status_code}"


def _wait_for(block: Block, running: Program) -> None:
    """Each line, in any order."""
    for line in block.text.strip().splitlines():
        pattern = re.escape(re.sub(r"\d+(\.\d+)?", "#", line)).replace(r"\#", r"[\d.]+")
        running.wait_until(partial(_has_printed, running, pattern.replace("…", ".*")))


def _has_printed(running: Program, pattern: str) -> bool:
    return re.search(pattern, running.output()) is not None


def _command(block: Block, text: str) -> list[str]:
    # The reader's Python is that of the tests.
    if block.language == "python":
        return [sys.executable, "-c", text]
    return ["bash", "-euo", "pipefail", "-c", text]


def _environment(folder: Path) -> dict[str, str]:
    return clean_environment(
        PATH=f"{ROOT / '.venv' / 'bin'}:/usr/bin:/bin",
        PYTHONPATH=str(folder),
        PYTHONDONTWRITEBYTECODE="1",
        COLUMNS="100",
    )
