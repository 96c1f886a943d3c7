"""Reads the database in threads of the pages' own, so that Datasette's queries don't stall them."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable

    Row = dict[str, Any]

T = TypeVar("T")

THREADS = 4
SECONDS = 3.0
"""Time limit of the queries of one page."""
MAX_BYTES = 64 * 1024 * 1024
"""Limit of the texts of the result of one query."""
_STEPS = 10_000


class TooSlowError(Exception):
    """A page's queries took longer than `SECONDS`."""


class Connection:
    """A read-only connection of one thread."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True)
        self._connection.row_factory = sqlite3.Row
        self._until = 0.0
        self._connection.set_progress_handler(lambda: time.monotonic() > self._until, _STEPS)

    def start(self) -> None:
        """Begin the time of a page."""
        self._until = time.monotonic() + SECONDS

    def rows(self, sql: str, values: Row | None = None) -> list[Row]:
        """Return the rows of a query.

        Raises:
            TooSlowError: The page's time is over.
        """
        return self.rows_up_to(MAX_BYTES, sql, values)

    def rows_up_to(self, size: int, sql: str, values: Row | None = None) -> list[Row]:
        """Return the first rows of a query, with texts of that many characters at most.

        Raises:
            TooSlowError: The page's time is over.
        """
        found: list[Row] = []
        try:
            for row in self._connection.execute(sql, values or {}):
                size -= sum(len(value) for value in row if isinstance(value, str))
                if size < 0 and found:
                    break
                found.append(dict(row))
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                raise TooSlowError from error
            raise
        return found


class Reader:
    """Runs functions with a connection, in threads."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="viewer-page")
        self._own = threading.local()

    async def run(self, path: str, function: Callable[[Connection], T]) -> T:
        """Return what a function returns. Queries, layout and rendering of a page are one."""

        def in_thread() -> T:
            connection = getattr(self._own, "connection", None)
            if connection is None:
                connection = self._own.connection = Connection(path)
            connection.start()
            return function(connection)

        return await asyncio.get_running_loop().run_in_executor(self._threads, in_thread)
