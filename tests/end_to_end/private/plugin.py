"""A Datasette plugin that repeats what it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from datasette import Response, hookimpl

from tests.end_to_end.failing.faults import FaultError

if TYPE_CHECKING:
    from datasette.app import Datasette


@hookimpl  # type: ignore[untyped-decorator]  # pluggy's, through Datasette
def register_routes() -> list[tuple[str, Any]]:
    return [(r"^/-/repeats/raise$", _raises), (r"^/-/repeats/sql$", _sql)]


async def _raises(request: Any) -> None:
    raise FaultError(f"not without {unquote(request.headers.get('x-say', ''))}")


async def _sql(datasette: Datasette, request: Any) -> Response:
    """A statement of a plugin's own that fails, with what a visitor said in it."""
    await datasette.get_database("meetings").execute(_statement(request))
    return Response.text("never")


def _statement(request: Any) -> str:
    # Not among the local variables of what fails, which are sent where they are asked for.
    said = unquote(request.headers.get("x-say", "")).replace("'", "''")
    return f"select '{said}', nothing /* {said} */"
