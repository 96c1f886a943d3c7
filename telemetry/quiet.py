"""What Datasette prints by itself: visitors' cookies, and tracebacks that are logged besides."""

from __future__ import annotations

import importlib.util
import sys
from types import SimpleNamespace


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


def quiet_datasette_tracebacks() -> None:
    """Stop Datasette printing the traceback of what it answers with 500, where we log it.

    Its ``handle_exception`` calls ``traceback.print_exc()``, on standard error and
    without a word of the request. Safe to call more than once.
    """
    from datasette import handle_exception

    handle_exception.traceback = SimpleNamespace(print_exc=lambda: None)
