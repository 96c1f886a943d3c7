"""What is taken out before anything leaves, by the names that TELEMETRY_REDACT knows."""

from __future__ import annotations

from typing import Final

REDACTED: Final = "[REDACTED]"
"""In place of what was taken out, as OpenTelemetry's contrib has it for headers."""
REDACTED_IN_URL: Final = "REDACTED"
"""The same within an address, where brackets mean something (semantic conventions, `url.full`)."""

CREDENTIALS: Final = "credentials"
EMAILS: Final = "emails"
QUERY_STRINGS: Final = "query_strings"
SQL: Final = "sql"

KINDS: Final[dict[str, str]] = {
    CREDENTIALS: (
        "The values of attributes, headers, fields and parameters whose name says password, "
        "secret, token, cookie, session, key, signature or the like; and in any text tokens by "
        "their shape, users and passwords in addresses, and `name=value` of such a name."
    ),
    EMAILS: "E-mail addresses in any text.",
    QUERY_STRINGS: (
        "The values of an address's query string, wherever it stands. Names stay, and so do the "
        "values of the parameters listed below, where they look like a name or a number."
    ),
    SQL: (
        "Literals in SQL become `?`, comments go, and so does what SQLite's own messages quote of "
        "a statement. Names of tables and columns stay."
    ),
}
"""What each of them takes out."""

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
