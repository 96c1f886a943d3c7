"""Datasette's settings, the same for every site."""

from typing import Any, Final

# The limits are upstream's. max_returned_rows is Datasette's default, set explicitly
# since it limits the cost of a request.
SETTINGS: Final[dict[str, Any]] = {
    "sql_time_limit_ms": 3000,
    "facet_time_limit_ms": 100,
    "default_facet_size": 10,
    "default_page_size": 100,
    "max_returned_rows": 1000,
    "allow_download": False,
    "allow_csv_stream": False,
    # Upstream has five, but threads are per instance, and here many instances are kept.
    "num_sql_threads": 2,
}
