"""Reads the pages of a viewer that is running."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from telemetry.viewer.addresses import DEFAULT_PORT, LOOPBACK, url_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

DEFAULT = url_of(LOOPBACK, DEFAULT_PORT)
_SECONDS = 30.0
_MAX_BYTES = 64 * 1024 * 1024
FORMS = {"json": "application/json", "txt": "text/plain"}


class ViewerError(Exception):
    """The viewer does not answer, or answers with an error. Has the reason."""

    def __init__(self, message: str, *, answered: bool = False) -> None:
        super().__init__(message)
        self.answered = answered


def add_viewer_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the argument that names the viewer."""
    parser.add_argument(
        "--viewer", metavar="URL", default=DEFAULT, help=f"address of the viewer ({DEFAULT})"
    )


def read(viewer: str, path: str, form: str, parameters: Mapping[str, str] | None = None) -> str:
    """Return a page of the viewer.

    Args:
        viewer: Address, such as ``http://127.0.0.1:4318``.
        path: Path of the page, without a suffix.
        form: ``json`` or ``txt``.
        parameters: Query parameters. Empty ones are left out.

    Raises:
        ViewerError: It does not answer, or the page can't be shown.
    """
    parts = urlsplit(viewer)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ViewerError(f"--viewer is {viewer!r}: wanted an address such as {DEFAULT}")
    query = urlencode({name: value for name, value in (parameters or {}).items() if value})
    address = f"{viewer.rstrip('/')}{path}.{form}" + (f"?{query}" if query else "")
    # A proxy from the environment is not used for loopback.
    opener = build_opener(ProxyHandler({}))
    request = Request(address, headers={"Accept": FORMS[form]})  # noqa: S310 - checked above
    try:
        with opener.open(request, timeout=_SECONDS) as answer:
            return str(answer.read(_MAX_BYTES).decode("utf-8", "replace"))
    except HTTPError as error:
        with error:
            raise ViewerError(_reason(error, form), answered=True) from None
    except OSError as error:
        why = getattr(error, "reason", error)
        raise ViewerError(
            f"no viewer answers at {viewer} ({why}). `python -m telemetry viewer` starts one"
        ) from None


def _reason(error: HTTPError, form: str) -> str:
    said = error.read(10_000).decode("utf-8", "replace").strip()
    if form == "json":
        try:
            return str(json.loads(said)["error"])
        except (ValueError, KeyError, TypeError):
            return f"HTTP {error.code}"
    return said or f"HTTP {error.code}"
