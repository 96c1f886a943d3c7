"""Keeps visitors' cookies out of the terminal."""

from __future__ import annotations

import importlib.util
import sys


def quiet_datasette_errors() -> None:
    """Stop Datasette printing a panel of local variables for every error page.

    When ``rich`` can be imported, and logfire brings it, Datasette's default
    ``handle_exception`` prints about 200 lines for each 404, the visitor's
    Authorization and Cookie values among them. The hook is ``trylast`` but
    always runs, so no plugin can replace it; its module takes a missing
    ``rich`` in its stride, and that is the state this leaves it in.

    Safe to call more than once, and where Datasette is not installed.
    """
    if "datasette" not in sys.modules and importlib.util.find_spec("datasette") is None:
        return
    from datasette import handle_exception

    handle_exception.rich = None
