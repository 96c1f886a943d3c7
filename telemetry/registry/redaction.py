"""What is redacted before export, by the names of TELEMETRY_REDACT."""

from __future__ import annotations

from typing import Final

REDACTED: Final = "[REDACTED]"
"""Replaces what is redacted; the same text as in OpenTelemetry's contrib for headers."""
REDACTED_IN_URL: Final = "REDACTED"
"""Replaces it in a URL, where brackets have a meaning (semantic conventions, `url.full`)."""

MAX_TEXT: Final = 32_768
"""Number of characters of a text that are ever sent."""

MARGIN: Final = 1024
"""Characters that are kept beyond a limit until a text is redacted.

What is cut off behind them can't halve a credential before the limit, and so hide it.
"""

CREDENTIALS: Final = "credentials"
EMAILS: Final = "emails"
QUERY_STRINGS: Final = "query_strings"
SQL: Final = "sql"

KINDS: Final[dict[str, str]] = {
    CREDENTIALS: (
        "Values of attributes, headers, fields and parameters whose name contains password, "
        "secret, token, cookie, session, key, signature or the like. In any text: the value behind "
        "such a name in any common notation, users and passwords in URLs, tokens and keys by their "
        "format, and random words of 24 characters or more."
    ),
    EMAILS: "Email addresses in any text.",
    QUERY_STRINGS: (
        "Values of query strings, in any text. Parameter names are kept. Values of the parameters "
        "listed below are kept if they are a name or a number."
    ),
    SQL: (
        "Literals in SQL are replaced by `?`, and comments are removed. Parameters of statements, "
        "and what databases' messages quote of a statement or a row, are redacted. Names of tables "
        "and columns are kept."
    ),
}
"""What each name redacts."""

# https://docs.datasette.io/en/latest/json_api.html and the pages on facets, CSV and settings.
# Not `_search`, `_where`, `_through` and `_next`: they hold what visitors type, or rows.
KEPT_PARAMETERS: Final = frozenset(
    {
        *("_col", "_nocol", "_shape", "_size", "_sort", "_sort_desc", "_searchmode"),
        *("_facet", "_facet_array", "_facet_date", "_facet_size", "_nofacet", "_nosuggest"),
        *("_nocount", "_labels", "_label", "_extra", "_json", "_json_infinity", "_nl"),
        *("_header", "_stream", "_dl", "_ttl", "_timelimit", "_trace", "_hide_sql"),
    }
)
"""Datasette's own parameters whose values are kept."""
