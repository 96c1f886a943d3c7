"""What decides whether a request has caused a failure: the values of the expression that failed."""

from __future__ import annotations

import errno
import linecache
import sys
from textwrap import dedent
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import datasette
import pytest

from telemetry.datasette.request_errors import is_caused_by_request
from tests.telemetry.asgi.driving import http_scope

if TYPE_CHECKING:
    from pathlib import Path

TYPED = "x7q"


def _error(
    path: Path, source: str, value: object, module: str | None = "datasette.planted"
) -> Exception:
    """What code of a module raises for a value: it is Datasette's by the module's name."""
    path.write_text(dedent(source))
    names: dict[str, Any] = {} if module is None else {"__name__": module}
    exec(compile(path.read_text(), str(path), "exec"), names)
    linecache.checkcache(str(path))
    try:
        names["run"](value)
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def _is_caused(error: BaseException, query: bytes = b"size=x7q", path: str = "/") -> bool:
    return is_caused_by_request(error, http_scope(path, query_string=query))


SOURCES = {
    "an argument": """
        def run(value):
            return {}[len(value)]
    """,
    "a part of it": """
        def run(value):
            part = value[1:]
            return {}[len(value), part]
    """,
    "an exception's argument": """
        def run(value):
            raise ValueError({}[0], value)
    """,
    "a generator": """
        def run(value):
            return max({}[len(part)] for part in [value])
    """,
    "the test of an if": """
        def run(value):
            if len(value) > 2:
                raise ValueError("too much")
    """,
    "an outer test": """
        def run(value):
            if value:
                if True:
                    raise ValueError("too much")
    """,
    "an assertion": """
        def run(value):
            assert len(value) < 2
    """,
    "an assertion with a message": """
        def run(value):
            assert 1 > 2, {}[len(value)]
    """,
    "what was caught": """
        def run(value):
            try:
                {}[len(value)]
            except KeyError:
                raise LookupError("none") from None
    """,
    "an attribute": """
        class Args: pass
        def run(value):
            args = Args()
            args.inner = Args()
            args.inner.size = value
            return {}[len(args.inner.size)]
    """,
    "an inner function": """
        def run(value):
            def inner(given):
                return {}[len(given)]
            return inner(value)
    """,
    "several lines": """
        def run(value):
            return dict(
                a=1,
                b={}[
                    len(value)
                ],
            )
    """,
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_an_expression_with_what_was_typed_fails_by_it(tmp_path: Path, source: str) -> None:
    """And with another value, at the same line, it is the host's failure."""
    path = tmp_path / "planted.py"
    assert _is_caused(_error(path, source, TYPED))
    assert not _is_caused(_error(path, source, "another"))


@pytest.mark.parametrize("part", ["{}[len(part)] for part in", "1 for part in"])
def test_a_comprehension_with_what_was_typed_fails_by_it(tmp_path: Path, part: str) -> None:
    """In what it makes, and in its condition, which has no position of its own.

    Since Python 3.12 a comprehension has no frame, and its variable is gone when it has failed: it
    is the host's failure then.
    """
    condition = "" if part.startswith("{") else " if {}[len(part)]"
    source = f"def run(value):\n    return [{part} value.split(','){condition}]\n"
    path = tmp_path / "planted.py"
    assert _is_caused(_error(path, source, TYPED)) == (sys.version_info < (3, 12))
    assert not _is_caused(_error(path, source, "another"))


@pytest.mark.parametrize(
    "value",
    [
        {"a": TYPED},
        {TYPED: 1},
        [1, TYPED],
        (None, (TYPED,)),
        {TYPED},
        b"size=x7q",
        bytearray(b"x7q"),
        f"before {TYPED} after",
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_was_typed_is_found_within_a_value(tmp_path: Path, value: Any) -> None:
    """Of a container, as deep as two."""
    source = "def run(value):\n    return {}[len(value)]\n"
    assert _is_caused(_error(tmp_path / "planted.py", source, value))


@pytest.mark.parametrize(
    "value",
    [{"a": [[TYPED]]}, [[[TYPED]]], {"a": 1}, [], b"", b"other", "x7", "x7quite", object(), True],
    ids=lambda value: type(value).__name__,
)
def test_what_was_not_typed_is_not(tmp_path: Path, value: Any) -> None:
    """Deeper ones, parts of words, and objects that can't be looked into."""
    source = "def run(value):\n    return {}[0, value is None]\n"
    assert not _is_caused(_error(tmp_path / "planted.py", source, value))


INNER = """
def run(value):
    if value:
        def inner(value):
            raise ValueError
        inner(value)
"""


def test_a_value_outside_of_the_expression_does_not_count(tmp_path: Path) -> None:
    """Neither of the same function, nor of a function around it."""
    for source in (
        "def run(value):\n    other = 1\n    return {}[other]\n",
        "def run(value):\n    if value:\n        other = 1\n        return {}[other]\n",
        "def run(value):\n    def no():\n        raise ValueError\n    if value:\n        no()\n",
        "def run(value):\n    return [value for part in 'no' if {}[part]]\n",
        INNER,
        "def run(value):\n    if (lambda: {}[0])():\n        raise ValueError(value)\n",
    ):
        assert not _is_caused(_error(tmp_path / "planted.py", source, TYPED))


def test_without_a_source_only_the_exception_tells(tmp_path: Path) -> None:
    """A compiled module, and one that was replaced on the disk since."""
    path = tmp_path / "planted.py"
    for number, text in enumerate(("", "no python (")):
        # Expressions are remembered by their code, so each time it is another.
        plain = f"def run(value):\n    return {{}}[len(value), {number}]\n"
        named = f"def run(value):\n    return int(value) + {number}\n"
        assert _is_caused(_error(path, f"{plain}\n", TYPED))
        for source, is_caused in ((plain, False), (named, True)):
            error = _error(path, source.replace("return", "value = value\n    return"), TYPED)
            path.write_text(text)
            linecache.clearcache()
            assert _is_caused(error) is is_caused


@pytest.mark.parametrize(
    "raised",
    [
        "OSError(5, 'x7q')",
        f"OSError({errno.ENAMETOOLONG}, 'x7q', 'x7q')",
        "MemoryError('x7q')",
        "ImportError('x7q')",
    ],
)
def test_a_failure_of_the_machine_is_the_hosts(tmp_path: Path, raised: str) -> None:
    """Though its text has what was typed."""
    source = f"def run(value):\n    raise {raised}\n"
    assert not _is_caused(_error(tmp_path / "planted.py", source, TYPED))


@pytest.mark.parametrize(
    ("path", "filename", "is_caused"),
    [
        ("/-/static/a/x7q", "/srv/static/a/x7q", True),
        ("/-/static/a/x7q", "/srv/static/b/x7q", False),
        ("/-/static-plugins/p/a/x7q", "/srv/p/a/x7q", True),
        # Within no file: the folder itself is none.
        ("/-/static/x7q", "/srv/static/x7q", False),
        ("/minutes/a/x7q", "/srv/minutes/a/x7q", False),
    ],
)
def test_a_static_file_that_no_disk_could_have_is_the_requests(
    tmp_path: Path, path: str, filename: str, is_caused: bool
) -> None:
    """If it is the one that was asked for."""
    source = f"def run(value):\n    raise OSError({errno.ENOTDIR}, 'no folder', {filename!r})\n"
    error = _error(tmp_path / "planted.py", source, TYPED)
    assert _is_caused(error, path=path) is is_caused


def test_code_between_datasettes_lines_makes_it_the_hosts(tmp_path: Path) -> None:
    """A plugin's; the standard library's and Datasette's readers are passed."""
    inner = {}
    for module in ("a_plugin", "markupsafe.planted", "json.planted"):
        path = tmp_path / f"{module}.py"
        path.write_text("def run(value):\n    return {}[len(value)]\n")
        names: dict[str, Any] = {"__name__": module}
        exec(compile(path.read_text(), str(path), "exec"), names)
        inner[module] = names["run"]
    source = "def run(value):\n    return value.call(value.text)\n"
    found = {
        module: _is_caused(
            _error(tmp_path / "outer.py", source, SimpleNamespace(call=call, text=TYPED))
        )
        for module, call in inner.items()
    }
    assert found == {"a_plugin": False, "markupsafe.planted": True, "json.planted": True}


@pytest.mark.parametrize("is_own", [True, False], ids=["Datasette's", "the host's"])
def test_a_template_is_datasettes_by_its_path(tmp_path: Path, is_own: bool) -> None:
    """A compiled template's code has no module."""
    folder = str(datasette.__file__).rpartition("/")[0] if is_own else str(tmp_path)
    names: dict[str, Any] = {}
    source = "def render(value):\n    return {}[len(value)]\n"
    exec(compile(source, f"{folder}/templates/table.html", "exec"), names)
    outer = "def run(value):\n    return value.render(value.text)\n"
    value = SimpleNamespace(render=names["render"], text=TYPED)
    assert _is_caused(_error(tmp_path / "outer.py", outer, value)) is is_own
