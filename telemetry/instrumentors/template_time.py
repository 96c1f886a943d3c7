"""How long templates took, of Django and of Datasette: for the Server-Timing header.

Only under DEBUG. A Datasette template may ask the database while it is rendered, which is in
its time.
"""

from __future__ import annotations

import importlib.util
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import wrapt

from telemetry.request import request_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def measure_templates() -> None:
    """Measure what is rendered from now on. For once in a process."""
    if importlib.util.find_spec("django") is not None:
        wrapt.wrap_function_wrapper("django.template.backends.django", "Template.render", _rendered)
    if importlib.util.find_spec("datasette") is not None:
        wrapt.wrap_function_wrapper(
            "datasette.app", "Datasette.render_template", _rendered_by_datasette
        )


def _rendered(wrapped: Callable[..., Any], _instance: Any, args: Any, kwargs: Any) -> Any:
    with _measured():
        return wrapped(*args, **kwargs)


async def _rendered_by_datasette(
    wrapped: Callable[..., Any], _instance: Any, args: Any, kwargs: Any
) -> Any:
    with _measured():
        return await wrapped(*args, **kwargs)


@contextmanager
def _measured() -> Iterator[None]:
    began = time.perf_counter()
    try:
        yield
    finally:
        record = request_record()
        if record is not None:
            record.template_time += time.perf_counter() - began
