"""Which events are one issue. The events are Sentry's own, of exceptions that were raised."""

from __future__ import annotations

import logging
from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sentry_sdk.utils import event_from_exception

from telemetry.errors.grouping import MAX_CHAIN, MAX_PART, fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LIBRARY = """
def reach(callback, *args):
    if callback is None:
        raise LookupError("no callback")
    return callback(*args)
"""
HOST = """
import logging

def check(agenda, minutes):
    assert agenda
    assert minutes

def open_site(path):
    raise OSError(f"no such file: {path}")

def shelve(library):
    library.reach(None)

def list_all(library):
    library.reach(None)

def hand_over(library):
    library.reach(open_site, "minutes.db")

def chained(text):
    try:
        open_site(text)
    except OSError as error:
        raise LookupError(f"no minutes of {text!r}") from error

def log_it(site):
    logging.getLogger("host").error("no minutes for %s", site)

def log_formatted(site):
    logging.getLogger("host").error(f"no minutes for {site}")

def log_by_library(text):
    wrapper.log(text)

def log_by_library_too(text):
    return wrapper.log(text)
"""


def load(path: Path, source: str) -> Any:
    """Import a file, so that Sentry finds its lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def group(call: Callable[..., object], *args: object) -> list[str]:
    """The fingerprint of what a call raises."""
    try:
        call(*args)
    except Exception as raised:
        error = raised
    else:
        raise AssertionError("nothing was raised")
    event, _ = event_from_exception(error)
    found = fingerprint(event)
    # Before there is an event, from the exception alone.
    assert fingerprint({}, error=error) == found
    return found


@pytest.fixture
def host(tmp_path: Path) -> Any:
    return load(tmp_path / "host.py", HOST)


@pytest.fixture
def library(tmp_path: Path) -> Any:
    return load(tmp_path / "lib" / "site-packages" / "shelves.py", LIBRARY)


def test_the_same_fault_on_three_sites_is_one_issue(host: Any) -> None:
    """Though each names its own site and its own file."""
    groups = [
        group(host.open_site, f"/srv/{site}/meetings-{number}.db")
        for number, site in enumerate(["alameda.ca", "oakland.ca", "berkeley-2.ca"])
    ]
    assert groups[0] == groups[1] == groups[2]
    assert groups[0] == [
        ".OSError",
        'host:open_site:raise OSError(f"no such file: {path}")',
    ]


def test_two_failed_assertions_of_one_function_are_two_issues(host: Any) -> None:
    """Neither has a text, and both have the same class."""
    first, second = group(host.check, [], [1]), group(host.check, [1], [])
    assert first != second
    assert (first[-1], second[-1]) == ("host:check:assert agenda", "host:check:assert minutes")


def test_a_change_above_the_line_makes_no_new_issue(tmp_path: Path, host: Any) -> None:
    """The line's text counts, and not its number."""
    moved = load(tmp_path / "later" / "host.py", "import json\n\n\n" + HOST)
    assert group(moved.check, [], []) == group(host.check, [], [])


def test_what_a_library_raises_is_grouped_by_who_called_it(host: Any, library: Any) -> None:
    """The same line of a library fails for as many reasons as it has callers."""
    first, second = group(host.shelve, library), group(host.list_all, library)
    assert first[-2] == 'shelves:reach:raise LookupError("no callback")'
    assert (first[-1], second[-1]) == (
        "host:shelve:library.reach(None)",
        "host:list_all:library.reach(None)",
    )
    assert first[:-1] == second[:-1]


def test_what_the_host_raises_is_grouped_by_its_own_line(host: Any, library: Any) -> None:
    """Whoever called it, and through which library: one line, once."""
    direct = group(host.open_site, "minutes.db")
    assert group(host.hand_over, library) == direct
    assert len(direct) == 2


def test_the_standard_library_is_a_library(tmp_path: Path) -> None:
    """Its line and the host's."""
    source = "import json\ndef read():\n    json.loads('{')\n"
    *_, raised, own = group(load(tmp_path / "host.py", source).read)
    assert raised.startswith("json.decoder:")
    assert own == "host:read:json.loads('{')"


def test_code_without_a_file_is_nobodys(tmp_path: Path) -> None:
    """What a library generates: the host's line is that which led there."""
    source = """
code = compile("raise KeyError('agenda')", "<generated>", "exec")
def render():
    exec(code)
"""
    *_, raised, own = group(load(tmp_path / "host.py", source).render)
    assert raised == "host:<module>:"
    assert own == "host:render:exec(code)"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.text() | st.binary() | st.integers(), min_size=2, max_size=4))
def test_a_client_can_not_choose_the_group(host: Any, typed: list[Any]) -> None:
    """What it has typed is in the text of an exception or of a log record, and in no group."""
    failed = {tuple(group(host.open_site, each)) for each in typed}
    chained = {tuple(group(host.chained, each)) for each in typed}
    logged = {tuple(_logged(host.log_it, each)) for each in typed}
    formatted = {tuple(_logged(host.log_formatted, each)) for each in typed}
    assert [*map(len, (failed, chained, logged, formatted))] == [1, 1, 1, 1]
    # And these are four groups.
    assert len(failed | chained | logged | formatted) == 4


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.recursive(
        st.sampled_from(["open_site", "chained", "check"]),
        lambda inner: st.tuples(
            st.sampled_from(["from", "while", "from none", "group", "hidden", "note"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        max_leaves=8,
    )
)
def test_an_exception_has_the_group_of_its_event(host: Any, tree: Any) -> None:
    """Chains, groups and frames that are hidden: as Sentry's SDK reads them."""

    def hidden(each: Any) -> None:
        __tracebackhide__ = True
        run(each)

    def run(each: Any) -> None:
        if isinstance(each, str):
            arguments = ([], []) if each == "check" else ("minutes.db",)
            getattr(host, each)(*arguments)
            return
        how, inner = each
        caught: list[Exception] = []
        for part in inner:
            try:
                run(part)
            except Exception as error:
                caught.append(error)
        if how == "hidden":
            hidden(inner[0])
        elif how == "group":
            raise ExceptionGroup("several", caught)
        elif how == "from none":
            raise KeyError(how) from None
        elif how == "from":
            raise KeyError(how) from caught[0]
        elif how == "note":
            caught[0].add_note("read twice")
            raise caught[0]
        else:
            try:
                raise caught[-1]
            except Exception:
                raise LookupError(how)  # noqa: B904 # while it is handled

    group(run, tree)


@given(st.integers(1, 40))
def test_how_deep_a_recursion_is_makes_no_group(depth: int) -> None:
    """A client chooses it by a nested expression, for example."""

    def nested(left: int) -> None:
        try:
            if left:
                nested(left - 1)
            raise ValueError(left)
        except ValueError as error:
            raise LookupError(left) from error

    assert group(nested, depth) == group(nested, 1)


def _logged(call: Callable[[Any], None], argument: object) -> list[str]:
    """The fingerprint of the event of a log record, as the record's handler makes it."""
    groups: list[list[str]] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            groups.append(fingerprint({"logger": record.name}, record))

    handler = Handler()
    logging.getLogger("host").addHandler(handler)
    try:
        call(argument)
    finally:
        logging.getLogger("host").removeHandler(handler)
    [found] = groups
    return found


def test_a_log_record_is_grouped_by_the_line_that_logged_it(host: Any) -> None:
    """Its logger, and the line: neither its message nor its arguments."""
    assert _logged(host.log_it, "alameda.ca") == [
        "host",
        'host:log_it:logging.getLogger("host").error("no minutes for %s", site)',
    ]
    assert _logged(host.log_it, "alameda.ca") != _logged(host.log_formatted, "alameda.ca")


def test_what_a_library_logs_is_grouped_by_who_called_it_too(tmp_path: Path, host: Any) -> None:
    """A library that logs for others has one line for all of them."""
    wrapper = load(
        tmp_path / "lib" / "site-packages" / "wrapper.py",
        "import logging\ndef log(text):\n    logging.getLogger('host').error(text)\n",
    )
    host.wrapper = wrapper
    first, second = _logged(host.log_by_library, "x"), _logged(host.log_by_library_too, "x")
    assert first[:2] == second[:2] == ["host", "wrapper:log:logging.getLogger('host').error(text)"]
    assert first[2] != second[2]


def test_a_message_of_the_hosts_own_is_grouped_by_its_line() -> None:
    """`sentry_sdk.capture_message`: no logger, no entry. So is an exception that was not raised."""
    [logger, line] = fingerprint({"message": "row 7 is odd"})
    assert logger == ""
    assert line.startswith("test_grouping:test_a_message_of_the_hosts_own_is_grouped_by_its_line:")
    event, _ = event_from_exception(LookupError("row 7"))
    [kind, line] = fingerprint(event)
    assert kind == ".LookupError"
    assert line.endswith("fingerprint(event)")


def test_each_of_a_chain_counts_and_a_chain_has_an_end(host: Any) -> None:
    """What it was raised from is half of what went wrong; the last ones are the nearest."""
    classes = [type(f"Fault{letter}", (LookupError,), {}) for letter in "abcdefghijklm"]

    def chained(length: int) -> None:
        try:
            if length:
                chained(length - 1)
            host.check([], [])
        except Exception as error:
            raise classes[length]("failed") from error

    one, two = group(chained, 0), group(chained, 1)
    assert [part for part in one if part.endswith(("Error", "Faulta"))] == [
        ".AssertionError",
        f"{__name__}.Faulta",
    ]
    assert len(two) > len(one)
    long = [part[-1] for part in group(chained, 12) if part.startswith(f"{__name__}.Fault")]
    assert long == list("ijklm")
    assert len(long) == MAX_CHAIN


def test_every_part_is_bounded(tmp_path: Path) -> None:
    """A line of a minified file, and the name of a class."""
    long = "x" * 5 * MAX_PART
    source = f"def fail(text):\n    raise type(text, (LookupError,), {{}}) or '{long}'\n"
    module = load(tmp_path / "host.py", source)
    parts = group(module.fail, "y" * 1_000_000)
    assert [len(part) for part in parts] == [MAX_PART, MAX_PART]


def test_frames_that_say_little_are_no_trouble() -> None:
    """Another SDK's, or a host's own event: whatever is missing is empty."""
    values: list[dict[str, Any]] = [
        {},
        {"type": None, "value": None, "stacktrace": None},
        {"type": "E", "stacktrace": {"frames": [{}]}},
    ]
    assert fingerprint({"exception": {"values": values}}) == [".", ".E", "::"]
    assert fingerprint({"exception": None, "logentry": None})[0] == ""
