"""Names of Datasette's own telemetry (1.0a41) that are read, rewritten, or given to older releases.

Source: Datasette's documentation, "Telemetry".
"""

from __future__ import annotations

from typing import Final

SCOPE: Final = "datasette"
"""The instrumentation scope of its tracer and its meter."""
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.29.0"
"""The schema that its tracer and its meter name."""

STARTUP: Final = "datasette.startup"
"""The span of an instance's start."""

QUERY: Final = "db.query"
"""The span of a whole query, as long as its caller waited."""
EXECUTE: Final = "db.query.execute"
WRITE: Final = "db.write.execute"
WAIT: Final = "db.write.queue_wait"
"""The time of a write in the queue before it."""
PHASES: Final = frozenset({EXECUTE, WRITE, WAIT})
"""The spans within a query's."""

SYSTEM: Final = "db.system"
"""Renamed by the conventions: `db.system.name` since 1.30."""
TEXT: Final = "db.query.text"
DATABASE: Final = "db.namespace"
CALLBACK: Final = "datasette.callback"
"""The name of the function that was run with the connection, where there is no SQL."""
ROWS: Final = "datasette.rows_returned"
SUPPRESSED: Final = "datasette.sql_error_suppressed"
INTERRUPTED: Final = "datasette.interrupted"
TIME_LIMIT: Final = "datasette.time_limit_ms"
TRUNCATED: Final = "datasette.truncated"
OPERATION_NAME: Final = "db.operation.name"
"""The first word of a statement, where it is one that is known."""
PARAMETERS: Final = "datasette.param_count"
SCRIPT: Final = "datasette.executescript"
MANY: Final = "datasette.executemany"
ISOLATED: Final = "datasette.isolated_connection"
TRANSACTION: Final = "datasette.transaction"
OPERATION: Final = "datasette.operation"
"""Attribute of the duration metric: `read` or `write`."""
