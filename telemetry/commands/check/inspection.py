"""Imports a host as a server does, and looks for what is in the way of telemetry.

`telemetry.commands.check.host` runs this module in a separate process: an import of the host
configures telemetry, instruments Django and can't be undone.
"""

from __future__ import annotations

import gc
import importlib
import inspect as inspecting
import json
import os
import sys
import threading
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.instrumentation.dependencies import get_dependency_conflicts
from opentelemetry.sdk.trace import TracerProvider

from telemetry.asgi.edge import Edge
from telemetry.commands.check.findings import (
    EDGE,
    INSTRUMENTORS,
    LIMIT,
    LOG_LINES,
    ORDER,
    PROVIDER,
    SENTRY,
    SITE,
    Finding,
    HostError,
)
from telemetry.commands.check.wrappers import around, name_of, within
from telemetry.exceptions import ConfigurationError, TelemetryError
from telemetry.logs.config import lines_in_use
from telemetry.state import state
from telemetry.traces.unrecorded import is_proxy_provider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Problems = Iterator[tuple[str, str]]
    """Of each a description and the advice."""

_SENTRY = "sentry_sdk.integrations.asgi"
_CONTRIB = "opentelemetry.instrumentation.django"
# The one that our instrumentor adds if it is asked to is in another module.
_CONTRIB_MIDDLEWARE = f"{_CONTRIB}.middleware.otel_middleware."
_WRAP = "application = telemetry.asgi_wrapper(application)"
_REMOVE = "telemetry records each request already, and would have two spans for it."
# By the module that raises it, what an error at start-up is about. The others are about the
# order of the calls.
_RAISED_IN = {"telemetry.pipeline": PROVIDER, "telemetry.asgi.edge": EDGE}


def inspect(target: str) -> tuple[list[Finding], bool]:
    """Import an application, and look at it.

    Args:
        target: ``module:attribute``. The attribute may be dotted, or a factory, as for
            ``uvicorn --factory``, with ``()`` or without.

    Returns:
        What was found, in the order of ``ORDER``, and whether there is an edge.

    Raises:
        HostError: The host can't be imported, or there is no such application.
    """
    try:
        application = _load(target)
    except ConfigurationError as error:
        raise HostError(f"{target!r}: {error}") from error
    except TelemetryError as error:
        return _of_error(error), False
    wrappers = around(application, _is_edge)
    looks: tuple[tuple[str, str, Callable[[Any], Problems]], ...] = (
        # What is around it then has a finding that says more.
        (EDGE, "in the application, and not outermost" if wrappers else "outermost", _edge),
        (PROVIDER, "telemetry's, and no other", _provider),
        (SENTRY, "not around the edge", _sentry),
        (LOG_LINES, "in telemetry's format", _log_lines),
        (INSTRUMENTORS, "installed in time", _instrumentors),
    )
    findings = []
    for what, well, look in looks:
        if what == LOG_LINES and not (state.own_log_lines or state.log_lines_unused):
            findings.append(Finding(what, None, "telemetry.logging_config() is not called"))
            continue
        problems = [Finding(what, False, *problem) for problem in look(application)]
        findings += problems or [Finding(what, True, well)]
    return findings, wrappers is not None


def _load(target: str) -> Any:
    module_name, _, path = target.partition(":")
    factory = path.endswith("()")
    path = path.removesuffix("()")
    try:
        found: Any = importlib.import_module(module_name)
    except BaseException as error:  # the host's code may raise anything
        _raise_own(error)
        raise HostError(f"{target!r}: {_of_import(module_name, error)}") from error
    for name in path.split("."):
        if not hasattr(found, name):
            described = "the module" if found is sys.modules[module_name] else type(found).__name__
            raise HostError(
                f"{target!r}: {described} has no attribute {name!r}; wanted the ASGI application "
                "that the server is given"
            )
        found = getattr(found, name)
    if not callable(found):
        raise HostError(
            f"{target!r}: this is of type {type(found).__name__} and can't be called; wanted the "
            "ASGI application that the server is given"
        )
    if factory or _needs_no_argument(found):
        try:
            found = found()
        except BaseException as error:  # the host's code may raise anything
            _raise_own(error)
            raise HostError(f"{target!r}: {path}() raises {_text(error)}") from error
        if not callable(found):
            raise HostError(
                f"{target!r}: {path}() returns an object of type {type(found).__name__}, which "
                "can't be called; wanted the ASGI application"
            )
    return found


def _needs_no_argument(found: Any) -> bool:
    """Whether this is a factory of applications: an application takes three arguments."""
    try:
        signature = inspecting.signature(found)
        signature.bind()
    except Exception:  # noqa: BLE001 # attributes of an object may raise anything
        return False
    # One that takes any number passes them on.
    kinds = {each.kind for each in signature.parameters.values()}
    passes_on = inspecting.Parameter.VAR_POSITIONAL in kinds
    return not passes_on and not inspecting.iscoroutinefunction(found)


def _raise_own(error: BaseException) -> None:
    """Raise the error of telemetry's that this one is, or that has caused it, if there is one."""
    ours = next((each for each in _causes(error) if isinstance(each, TelemetryError)), None)
    if ours is not None:
        raise ours from None


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def _of_import(module_name: str, error: BaseException) -> str:
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing and f"{module_name}.".startswith(f"{missing}."):
        return (
            f"there is no module {missing!r} in {Path.cwd()} or on Python's path; wanted "
            "module:attribute, such as config.asgi:application"
        )
    return f"{module_name} can't be imported: {_text(error)}"


def _text(error: BaseException) -> str:
    # ImproperlyConfigured and the like have several lines.
    text = " ".join(str(error).split())
    return f"{type(error).__name__}{f': {text}' if text else ''}{_place(error)}"


def _of_error(error: TelemetryError) -> list[Finding]:
    last = [frame for frame, _ in traceback.walk_tb(error.__traceback__)][-1]
    about = _RAISED_IN.get(str(last.f_globals.get("__name__")), INSTRUMENTORS)
    description, _, advice = str(error).partition(": ")
    return [
        Finding(what, False, f"{description}{_place(error)}", _sentence(advice))
        if what == about
        else Finding(what, None, "not looked at, since the import fails")
        for what in ORDER
        if what != SITE
    ]


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _place(error: BaseException) -> str:
    """Return the host's file and line that raised: `` (my_host/asgi.py, line 12)``."""
    return _last_of_host(traceback.extract_tb(error.__traceback__))


def _last_of_host(stack: traceback.StackSummary) -> str:
    folder = Path.cwd()
    ours = Path(__file__).parents[2]
    for frame in reversed(stack):
        path = Path(frame.filename)
        if path.is_relative_to(folder) and not path.is_relative_to(ours):
            relative = path.relative_to(folder)
            if "site-packages" not in relative.parts:
                return f" ({relative}, line {frame.lineno})"
    return ""


def _edge(application: Any) -> Problems:
    wrappers = around(application, _is_edge)
    if wrappers is None:
        exists = any(issubclass(type(thing), Edge) for thing in gc.get_objects())
        if exists:
            yield (
                f"not found in {name_of(application)}, although telemetry.asgi_wrapper() is called",
                f"Give the server what it returns: {_WRAP}.",
            )
        else:
            yield (
                f"{name_of(application)} is not wrapped",
                f"Wrap the whole application, last: {_WRAP}.",
            )
        return
    # The others have findings of their own parts.
    others = [name_of(each) for each in wrappers if not _is_sentry(each) and not _is_contrib(each)]
    if others:
        verb = "is" if len(others) == 1 else "are"
        advice = "Call telemetry.asgi_wrapper() last, around the whole application. Spans and "
        advice += "metrics do not include what is around the edge."
        yield f"not outermost: {' and '.join(others)} {verb} around it", advice


def _is_edge(thing: Any) -> bool:
    # Not isinstance(): a proxy's attribute `__class__` may raise outside of a request.
    return issubclass(type(thing), Edge)


def _is_contrib(thing: Any) -> bool:
    return issubclass(type(thing), OpenTelemetryMiddleware) and not _is_edge(thing)


def _is_sentry(thing: Any) -> bool:
    middleware = getattr(sys.modules.get(_SENTRY), "SentryAsgiMiddleware", None)
    return middleware is not None and issubclass(type(thing), middleware)


def _provider(application: Any) -> Problems:
    pipeline = state.configured.pipeline if state.configured is not None else None
    own = pipeline.tracer_provider if pipeline is not None else None
    used = trace.get_tracer_provider()
    if own is None or is_proxy_provider(used):
        yield (
            "telemetry.configure() is not called",
            "Call it first, before the frameworks are imported.",
        )
    others = {
        name_of(thing)
        for thing in gc.get_objects()
        if issubclass(type(thing), TracerProvider) and thing is not own
    }
    if used is not own and not is_proxy_provider(used):
        others.add(name_of(used))
    for name in sorted(others):
        advice = "Remove the set-up that creates it, such as logfire.configure() or "
        advice += "set_tracer_provider(): its spans do not go to telemetry's destinations."
        yield f"there is another one, {name}", advice
    if any(_is_contrib(thing) for thing in within(application)):
        yield (
            f"{name_of(OpenTelemetryMiddleware)} is in use",
            f"Remove it, or logfire.instrument_asgi(): {_REMOVE}",
        )
    if _contrib_s_django():
        yield (
            f"DjangoInstrumentor of {_CONTRIB} is in use",
            f"Remove it, or logfire.instrument_django(): {_REMOVE}",
        )


def _contrib_s_django() -> bool:
    instrumentor = getattr(sys.modules.get(_CONTRIB), "DjangoInstrumentor", None)
    if instrumentor is not None and instrumentor().is_instrumented_by_opentelemetry:
        return True
    middleware = getattr(_django_settings(), "MIDDLEWARE", None) or ()
    return any(str(name).startswith(_CONTRIB_MIDDLEWARE) for name in middleware)


def _django_settings() -> Any:
    """Return Django's settings, or None if the host does not use Django."""
    settings = getattr(sys.modules.get("django.conf"), "settings", None)
    return settings if settings is not None and settings.configured else None


def _sentry(application: Any) -> Problems:
    wrappers = around(application, _is_edge)
    if any(map(_is_sentry, within(application) if wrappers is None else wrappers)):
        yield (
            f"{_SENTRY}.SentryAsgiMiddleware is around the edge",
            "Remove it: telemetry reports errors, with their trace, if SENTRY_DSN is set.",
        )


def _log_lines(_application: Any) -> Problems:
    if lines_in_use():
        return
    settings = _django_settings()
    if settings is not None and settings.LOGGING_CONFIG is None:
        advice = "Remove LOGGING_CONFIG = None from Django's settings, or call "
        advice += "logging.config.dictConfig(LOGGING) there."
    else:
        advice = "Assign the dictionary to LOGGING in Django's settings, or apply it by "
        advice += "logging.config.dictConfig(). Remove what replaces the handlers afterwards."
    yield (
        "telemetry.logging_config() is called, and no handler of the root logger uses it",
        advice,
    )


def _instrumentors(_application: Any) -> Problems:
    in_time = "Call telemetry.instrument() once Django's settings can be imported, and before "
    in_time += "get_asgi_application()."
    if _django_settings() is not None:
        from telemetry.django.instrumentor import DjangoInstrumentor, application_exists

        wanted = state.configured is None or state.configured.settings.django_instrument
        instrumented = DjangoInstrumentor().is_instrumented_by_opentelemetry
        if wanted and not instrumented and application_exists():
            called = "telemetry.instrument() was not called before its application was created"
            yield f"Django is not instrumented: {called}", in_time
            return
    if "datasette.app" in sys.modules:
        from telemetry.datasette.instrumentor import DatasetteInstrumentor

        instrumentor = DatasetteInstrumentor()
        if not instrumentor.is_instrumented_by_opentelemetry:
            wanted = instrumentor.instrumentation_dependencies()
            conflict = get_dependency_conflicts(wanted)
            if conflict is not None:
                lost = "its requests have no routes, and its queries are not recorded"
                yield f"{conflict.found} is not instrumented: {lost}", f"Use {' or '.join(wanted)}."
                return
            yield "Datasette is not instrumented: telemetry.instrument() was not called", in_time


def _service_name() -> str | None:
    """Return the name that the host gives itself."""
    settings = state.configured.settings if state.configured is not None else None
    return None if settings is None or settings.names_itself else settings.service_name


def main(arguments: list[str]) -> None:
    """Write what was found in a host, as JSON, to a file."""
    target, path = arguments
    result: dict[str, Any]
    # Hosts look at it, also by a parser that ends the program.
    sys.argv = ["uvicorn", target]
    timer = threading.Timer(LIMIT, _give_up, (target, path, threading.get_ident()))
    timer.daemon = True
    timer.start()
    try:
        findings, has_edge = inspect(target)
        result = {
            "findings": [asdict(finding) for finding in findings],
            "has_edge": has_edge,
            "service_name": _service_name(),
        }
    except HostError as error:
        result = {"error": str(error)}
    timer.cancel()
    _write(result, path)


def _give_up(target: str, path: str, main_thread: int) -> None:
    """Report where the import is, as it takes too long."""
    stack = traceback.extract_stack(sys._current_frames()[main_thread])  # documented
    error = f"{target!r}: not imported within {LIMIT:g} s{_last_of_host(stack)}"
    _write({"error": error}, path)


def _write(result: dict[str, Any], path: str) -> None:
    Path(path).write_text(json.dumps(result), encoding="utf-8")
    sys.stdout.flush()
    # Without exit handlers and without waiting for the host's threads.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
