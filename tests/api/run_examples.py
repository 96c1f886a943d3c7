"""Runs the examples of docstrings, each in a fork of a process that has imported what they need.

Docstrings come as JSON on standard input, by name, and results go as JSON to standard output. An
example that defines an ASGI `application` is completed: the application is wrapped, is sent a
request, and the result has the SERVER span.

With `--list` and names as arguments, it prints the docstrings instead. The program uses only
the public interface, since it also runs the examples of a release with the tree.
"""

from __future__ import annotations

import asyncio
import doctest
import importlib
import io
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

IMPORTED = (
    "datasette.app",
    "django.core.handlers.asgi",
    "opentelemetry.instrumentation.asgi",
    "opentelemetry.instrumentation.system_metrics",
    "opentelemetry.sdk.metrics.export",
    "opentelemetry.sdk.trace.export",
    "requests",
    "sentry_sdk.integrations.django",
    "sentry_sdk.integrations.logging",
    "telemetry.testing",
)
# Those of the package that need no more than these, whatever they are called.
OURS = ("asgi", "datasette", "django", "errors", "export", "logs", "metrics", "traces")
SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/",
    "raw_path": b"/",
    "query_string": b"",
    "root_path": "",
    "headers": [(b"host", b"alameda.ca.civic.band")],
    "client": ("127.0.0.1", 50000),
    "server": ("127.0.0.1", 8000),
}


def found(name: str) -> Any:
    """The object of a public name: of a module, or of an attribute of one."""
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def modules() -> Iterator[str]:
    """The package's modules that configure() imports; without them, each fork would do that."""
    import telemetry

    yield "telemetry.pipeline"
    for name in OURS:
        folder = Path(telemetry.__file__).parent / name
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder.parent).with_suffix("").parts
            yield ".".join(("telemetry", *(part for part in parts if part != "__init__")))


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--list"]:
        json.dump({name: found(name).__doc__ for name in arguments[1:]}, sys.stdout)
        return
    docstrings = json.load(sys.stdin)
    for name in IMPORTED:
        importlib.import_module(name)
    for name in modules():
        with suppress(ImportError):
            importlib.import_module(name)
    from django.conf import settings

    settings.configure(ROOT_URLCONF="none", SECRET_KEY="only-for-tests")
    json.dump({name: forked(name, text) for name, text in docstrings.items()}, sys.stdout)


def forked(name: str, docstring: str) -> dict[str, Any]:
    """The result of one, from a child that ends with it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            result = run(name, docstring)
        except BaseException as error:
            result = {"examples": 0, "failed": 1, "output": f"{type(error).__name__}: {error}"}
        with os.fdopen(writing, "w") as pipe:
            json.dump(result, pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return dict(json.loads(text))


def run(name: str, docstring: str) -> dict[str, Any]:
    """Run the examples, and the application if they define one."""
    import telemetry
    from telemetry.testing import OTLPReceiver

    with OTLPReceiver() as receiver:
        os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.url
        test = doctest.DocTestParser().get_doctest(
            docstring, {"telemetry": telemetry, "__name__": "example"}, name, name, 0
        )
        # The runner empties what it is given, so that no example sees another's names.
        names = test.globs
        output = io.StringIO()
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
        runner.run(test, out=output.write, clear_globs=False)
        result: dict[str, Any] = {
            "examples": runner.tries,
            "failed": runner.failures,
            "output": output.getvalue(),
        }
        if "application" in names:
            telemetry.configure()
            asyncio.run(visit(wrapped(names["application"])))
            telemetry.flush(30)
            result["spans"] = [
                {
                    "kind": span.kind,
                    "attributes": dict(span.attributes),
                    "events": [event.name for event in span.events],
                }
                for span in receiver.spans
            ]
    return result


def wrapped(application: Any) -> Any:
    """The application, wrapped in the edge unless the example did that."""
    import telemetry

    try:
        return telemetry.asgi_wrapper(application)
    except telemetry.InstrumentationError:
        return application


async def visit(application: Any) -> None:
    """Send it one request."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        assert message["type"].startswith("http.response."), message

    await application(dict(SCOPE), receive, send)


if __name__ == "__main__":
    main(sys.argv[1:])
