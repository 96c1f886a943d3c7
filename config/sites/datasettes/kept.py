"""Starts and stops the Datasette of one site, with connections to fixed files."""

import asyncio
import hashlib
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasette import hookimpl
from datasette.app import Datasette
from datasette.database import Database
from datasette.plugins import pm

from config.sites.datasettes.files import DatabaseFile
from config.sites.datasettes.lifespan import Lifespan
from config.sites.datasettes.opening import IMMUTABLE, Mode
from config.sites.datasettes.templates import CompiledTemplates
from telemetry import private_api
from telemetry.scope import ASGIApp

# Datasette's limit for these counts: one hour.
_COUNT_MS = 60 * 60 * 1000
_INTERNAL_SUFFIXES = ("", "-wal", "-shm", "-journal")
_templates = CompiledTemplates()
CACHED_HASH: private_api.PrivateName[object] = private_api.PrivateName(
    "datasette",
    "datasette.database",
    "Database.cached_hash",
    "start a site without reading the whole of a read-only file",
    "Datasette reads it on the event loop, and all requests wait",
    kind=object,
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Arguments of a site's Datasette."""

    databases: Sequence[tuple[DatabaseFile, Mode]]
    metadata: Mapping[str, Any]
    settings: Mapping[str, Any]
    secret: str
    internal: Path
    """Path of its internal database, which is deleted when the Datasette is closed."""


class KeptDatasette:
    """A started Datasette, and the number of requests that it is serving.

    Must be used only on the event loop that started it.
    """

    def __init__(self, datasette: Datasette, app: ASGIApp, lifespan: Lifespan, internal: Path):
        self.app = app
        self.leases = 0
        self._datasette = datasette
        self._lifespan = lifespan
        self._internal = internal

    @classmethod
    async def start(cls, recipe: Recipe) -> "KeptDatasette":
        """Run Datasette's whole start-up, as its server does.

        Raises any exception of a plugin's hook or of SQLite. Everything is closed then.
        """
        await asyncio.to_thread(_make_internal, recipe.internal)
        datasette = _SiteDatasette(recipe)
        try:
            # Separately, since the lifespan below would reduce an exception to a message.
            await datasette.start_background_tasks()
            app = datasette.app()
            try:
                lifespan = Lifespan(app)
                await lifespan.startup()
            except BaseException:
                # A plugin's wrapper refused. The background tasks are already running.
                await datasette.invoke_shutdown()
                raise
        except BaseException:
            # Otherwise its threads and open files would remain.
            await asyncio.to_thread(_discard, datasette, recipe.internal)
            raise
        return cls(datasette, app, lifespan, recipe.internal)

    async def stop(self) -> None:
        """Run plugins' shutdown hooks, end background tasks, close databases and threads."""
        try:
            await self._lifespan.shutdown()
        finally:
            await asyncio.to_thread(_discard, self._datasette, self._internal)


class _SiteDatasette(Datasette):  # type: ignore[misc]  # untyped
    """Datasette of a site. A subclass, so that the plugin below can recognise it."""

    def __init__(self, recipe: Recipe) -> None:
        # Without `internal`, Datasette would create a temporary file, and an exit handler
        # that removes it would keep this object in memory until the process exits.
        super().__init__(
            files=[],
            internal=str(recipe.internal),
            metadata=dict(recipe.metadata),
            settings=dict(recipe.settings),
            secret=recipe.secret,
        )
        for file, mode in recipe.databases:
            self.add_database(_database(self, file, mode))
        # Datasette adds it if no files are given.
        self.remove_database("_memory")
        self.get_jinja_environment().bytecode_cache = _templates

    def close(self) -> None:
        """Close everything, except on the event loop, where Datasette's shutdown calls this.

        It waits for running queries, and would block the event loop.
        """
        if not _on_event_loop():
            super().close()


def _database(datasette: Datasette, file: DatabaseFile, mode: Mode) -> Database:
    # An explicit mode makes "write" connections read-only too. By default they
    # would create a file that has just been deleted.
    database = Database(datasette, path=str(file.path), is_mutable=mode != IMMUTABLE, mode=mode)
    if not database.is_mutable:
        known = hashlib.sha256(repr(file).encode()).hexdigest()
        private_api.replace(CACHED_HASH, known, database)
    return database


class _PinConnections:
    """Datasette plugin that opens every connection during start-up.

    By default, a thread's connection is opened when the thread is first used. By then the
    file may have been replaced, and a page would be made of two versions of it.
    """

    @hookimpl  # type: ignore[untyped-decorator]  # pluggy's, through Datasette
    def startup(self, datasette: Datasette) -> Any:
        async def pin() -> None:
            for database in datasette.databases.values():
                await _connect_every_thread(datasette, database)
                if not database.is_mutable:
                    # Datasette does this too, but each query would be a separate trace.
                    await database.table_counts(limit=_COUNT_MS)

        return pin if isinstance(datasette, _SiteDatasette) else None


pm.register(_PinConnections())


async def _connect_every_thread(datasette: Datasette, database: Database) -> None:
    threads = datasette.setting("num_sql_threads")
    # All wait for each other, so that each thread runs one of the calls.
    with _barrier(threads) as barrier:

        def connect(_connection: object) -> None:
            barrier.wait()

        await asyncio.gather(*(database.execute_fn(connect) for _ in range(threads)))


@contextmanager
def _barrier(parties: int) -> Iterator[threading.Barrier]:
    barrier = threading.Barrier(parties)
    try:
        yield barrier
    except BaseException:
        # Otherwise the waiting threads would never end.
        barrier.abort()
        raise


def _make_internal(path: Path) -> None:
    # In WAL mode, as Datasette creates its own: readers don't wait for a writer. Blocks.
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")


def _discard(datasette: Datasette, internal: Path) -> None:
    """Close everything and remove the internal database. Blocks."""
    try:
        datasette.close()
    finally:
        for suffix in _INTERNAL_SUFFIXES:
            Path(f"{internal}{suffix}").unlink(missing_ok=True)


def _on_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
