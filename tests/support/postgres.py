"""A PostgreSQL server of the tests' own: Debian's programs, a temporary folder, one port."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
from psycopg import sql

from tests.support.environment import clean_environment
from tests.support.processes import HOST, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = "corkboard"
# What has to be encoded in an address, and must not show up anywhere.
PASSWORD = "planted:p@ss/word?#"

# Debian keeps them off the PATH, a folder for each version.
_DEBIAN = Path("/usr/lib/postgresql")


class Cluster:
    """One server; each test makes a database of its own in it."""

    def __init__(self, folder: Path, port: int) -> None:
        self._data = folder / "data"
        self._log = folder / "log"
        self._folder = folder
        self.port = port

    def create(self) -> None:
        """Make its files, with one superuser who needs a password."""
        password = self._folder / "password"
        password.write_text(PASSWORD)
        # An umask may hide it from the other user that it is for.
        password.chmod(0o644)
        self._run(
            *("initdb", "--pgdata", self._data, "--username", USER, "--pwfile", password),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync"),
        )

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = {
            "listen_addresses": HOST,
            "port": str(self.port),
            # None: it would lie in a folder that only Debian's own user may write to.
            "unix_socket_directories": "",
            "fsync": "off",
        }
        settings = " ".join(f"-c {name}='{value}'" for name, value in options.items())
        self._pg_ctl("start", "--log", self._log, "--options", settings)

    def stop(self) -> None:
        """Stop it at once, whoever is connected."""
        self._pg_ctl("stop", "--mode", "fast")

    def kill(self) -> None:
        """Stop it without leave, if it runs."""
        if (self._data / "postmaster.pid").exists():
            self._pg_ctl("stop", "--mode", "immediate")

    def create_database(self, name: str) -> str:
        """Make an empty database and give its address."""
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.address(name)

    def address(self, name: str) -> str:
        """Give a database's address, as DATABASE_URL has it."""
        return f"postgres://{USER}:{quote(PASSWORD, safe='')}@{HOST}:{self.port}/{name}"

    def _pg_ctl(self, *arguments: str | Path) -> None:
        self._run("pg_ctl", "--pgdata", self._data, "--wait", "--silent", *arguments)

    def _run(self, program: str, *arguments: str | Path) -> None:
        # To a file, since the server inherits it and would hold a pipe open.
        with tempfile.TemporaryFile() as said:
            done = subprocess.run(
                [_binary(program), *arguments],
                cwd=self._folder,
                env=clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                timeout=300,
                user=_owner(),
            )
            if done.returncode:
                said.seek(0)
                log = self._log.read_text() if self._log.exists() else ""
                raise AssertionError(f"{program} failed:\n{said.read().decode()}\n{log}")


@contextmanager
def postgres() -> Iterator[Cluster]:
    """Run a server for as long as the block."""
    # Not pytest's folder, which is closed to other users.
    with tempfile.TemporaryDirectory(prefix="corkboard-postgres-") as name:
        folder = Path(name)
        if (owner := _owner()) is not None:
            os.chown(folder, owner, -1)
        cluster = Cluster(folder, free_port())
        cluster.create()
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.kill()


def _owner() -> int | None:
    """Give the user that runs it where we are root, whom PostgreSQL refuses; else None."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise AssertionError("PostgreSQL does not run as root: wanted a user `postgres` or `nobody`")


def _binary(name: str) -> str:
    """Find a program, Debian's newest first. Raises AssertionError that says what to install."""
    versions = sorted(
        (path for path in _DEBIAN.glob("*") if path.name.isdigit()),
        key=lambda path: int(path.name),
        reverse=True,
    )
    places = [*(str(path / "bin") for path in versions), os.environ.get("PATH", "")]
    if found := shutil.which(name, path=os.pathsep.join(places)):
        return found
    raise AssertionError(f"{name} is not installed: apt-get install postgresql")
