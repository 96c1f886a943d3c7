"""Which events are one issue. The events are Sentry's own, of exceptions that were raised."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING, Any

import pytest
from sentry_sdk.utils import event_from_exception

from telemetry.errors.sentry.grouping import MAX_CHAIN, MAX_PART, fingerprint, generalised

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


def group(call: Callable[..., object], *args: object, site: str | None = None) -> list[str]:
    """The fingerprint of what a call raises."""
    try:
        call(*args)
    except Exception as error:
        event, _ = event_from_exception(error)
        return fingerprint(event, site)
    raise AssertionError("nothing was raised")


@pytest.fixture
def host(tmp_path: Path) -> Any:
    return load(tmp_path / "host.py", HOST)


@pytest.fixture
def library(tmp_path: Path) -> Any:
    return load(tmp_path / "lib" / "site-packages" / "shelves.py", LIBRARY)


def test_the_same_fault_on_three_sites_is_one_issue(host: Any) -> None:
    """Though each names its own site and its own file."""
    groups = [
        group(host.open_site, f"/srv/{site}/meetings-{number}.db", site=site)
        for number, site in enumerate(["alameda.ca", "oakland.ca", "berkeley-2.ca"])
    ]
    assert groups[0] == groups[1] == groups[2]
    assert groups[0] == [
        ".OSError",
        "no such file: /srv/<site>/meetings-<n>.db",
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
    assert len(direct) == 3


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no row 17", "no row <n>"),
        ("took 0.1234 s", "took <n>.<n> s"),
        ("took 0.123456789 s", "took <n>.<n> s"),
        ("row 1234567", "row <n>"),
        ("row 123456789012", "row <n>"),
        ("<Row object at 0x7f94AF767600>", "<Row object at <n>>"),
        ("key 123e4567-e89b-12d3-a456-426614174000 gone", "key <n> gone"),
        ("key 123E4567E89B12D3A456426614174000 gone", "key <n> gone"),
        ("commit 70d71ca1", "commit <n>"),
        ("on 2026-11-25", "on <n>-<n>-<n>"),
        # What somebody typed.
        ("no page 'alameda' of \"minutes\"", "no page <text> of <text>"),
        ("no page 'it\"s'", "no page <text>"),
        ("Alameda's and Oakland's minutes", "Alameda's and Oakland's minutes"),
        ("'alameda", "'alameda"),
        # Words that are made of hexadecimal digits.
        ("no such table: decade", "no such table: decade"),
        ("the facade defaced a cascade", "the facade defaced a cascade"),
        ("no such module: deadbeef", "no such module: deadbeef"),
        ("acceded-feedface", "acceded-feedface"),
        ("x0x1 in meetings2 table", "x<n>x<n> in meetings<n> table"),
    ],
)
def test_what_differs_between_two_strikes_is_left_out(text: str, expected: str) -> None:
    """Numbers, addresses and ids, whatever their length; words stay."""
    assert generalised(text, None) == expected


@pytest.mark.parametrize(
    ("text", "site", "expected"),
    [
        ("database is locked", "data", "database is locked"),
        ("no metadata", "data", "no metadata"),
        ("no data for data", "data", "no <site> for <site>"),
        ("/srv/data/data.db, data_backup", "data", "/srv/<site>/<site>.db, <site>_backup"),
        ("alameda.ca and alamedaXca", "alameda.ca", "<site> and alamedaXca"),
        ("no such site: ", "", "no such site: "),
        ("alameda.ca", None, "alameda.ca"),
        ("no such file: /srv/la-7.ca/1.db", "la-7.ca", "no such file: /srv/<site>/<n>.db"),
    ],
)
def test_the_site_is_left_out_and_no_part_of_a_word(
    text: str, site: str | None, expected: str
) -> None:
    """Or a site called "data" has issues of its own for what the others fail with too."""
    assert generalised(text, site) == expected


def test_logs_are_grouped_by_what_was_written_in_the_code() -> None:
    """The logger and the message before formatting: the arguments differ each time."""
    entry = {"message": "no minutes for %s", "formatted": "no minutes for alameda.ca"}
    event = {"logger": "host", "logentry": entry}
    assert fingerprint(event, "alameda.ca") == ["host", "no minutes for %s"]
    assert fingerprint(event | {"logger": "other"}, None) == ["other", "no minutes for %s"]


def test_a_log_that_is_all_argument_is_grouped_by_what_it_says() -> None:
    """`logger.error("%s", problem)` would make one issue of everything."""
    entry = {"message": "%s", "formatted": "no minutes for alameda.ca, row 7"}
    event = {"logger": "host", "logentry": entry}
    assert fingerprint(event, "alameda.ca") == ["host", "no minutes for <site>, row <n>"]
    assert fingerprint({"logger": "host", "logentry": {"message": "%s"}}, None) == ["host", "%s"]


def test_a_log_that_was_formatted_by_hand_is_grouped_too() -> None:
    """An f-string is its own template."""
    first = {"logger": "host", "logentry": {"message": "no minutes for alameda.ca"}}
    second = {"logger": "host", "logentry": {"message": "no minutes for oakland.ca"}}
    assert fingerprint(first, "alameda.ca") == fingerprint(second, "oakland.ca")


def test_a_message_of_the_hosts_own_is_grouped_by_its_text() -> None:
    """`sentry_sdk.capture_message`: no logger, no entry."""
    assert fingerprint({"message": "row 7 is odd"}, None) == ["", "row <n> is odd"]
    assert fingerprint({}, None) == ["", ""]
    assert fingerprint({"exception": None, "logentry": None}, None) == ["", ""]


def test_each_of_a_chain_counts_and_a_chain_has_an_end(host: Any) -> None:
    """What it was raised from is half of what went wrong; the last ones are the nearest."""

    def chained(length: int) -> None:
        try:
            if length:
                chained(length - 1)
            host.check([], [])
        except Exception as error:
            raise LookupError(f"{'abcdefghijklmnop'[length]} failed") from error

    one, two = group(chained, 0), group(chained, 1)
    assert (one[0], one[3]) == (".AssertionError", ".LookupError")
    assert len(two) > len(one)
    long = group(chained, 12)
    failed = [part for part in long if part.endswith(" failed")]
    assert failed == [f"{letter} failed" for letter in "ijklm"]
    assert len(failed) == MAX_CHAIN


def test_every_part_is_bounded(tmp_path: Path) -> None:
    """A text of a megabyte, a line of a minified file."""
    long = "x" * 5 * MAX_PART
    source = f"def fail(text):\n    raise LookupError(text) or '{long}'\n"
    module = load(tmp_path / "host.py", source)
    parts = group(module.fail, "y" * 1_000_000)
    assert [len(part) for part in parts[1:]] == [MAX_PART, MAX_PART]
    entry = {"message": "z" * 1_000_000}
    assert len(fingerprint({"logger": "host", "logentry": entry}, None)[1]) == MAX_PART


def test_frames_that_say_little_are_no_trouble() -> None:
    """Another SDK's, or a host's own event: whatever is missing is empty."""
    values: list[dict[str, Any]] = [
        {},
        {"type": None, "value": None, "stacktrace": None},
        {"type": "E", "stacktrace": {"frames": [{}]}},
    ]
    assert fingerprint({"exception": {"values": values}}, None) == [
        ".",
        "",
        ".",
        "",
        ".E",
        "",
        "::",
    ]
