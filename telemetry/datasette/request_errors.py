"""Which failures inside Datasette are caused by the request alone.

Datasette responds with 500 to many malformed requests: `?_timelimit=x`, an unknown method, a body
that is not UTF-8. No list of them is complete. A failure is caused by the request if

- only code of Datasette, of its plumbing and of the standard library has run, from Datasette's
  outermost frame on: no plugin, and no code of the host;
- and what the client typed is found where it failed: in the exception, or in the values that the
  failing expression of Datasette's innermost frame, and the conditions around it, use.

What was typed is the query string, the body, a method other than GET, HEAD and OPTIONS, and an
unknown format at the end of the path. The segments of a path are not: that of a table's page names
the table, whatever fails on it.
"""

from __future__ import annotations

import ast
import errno
import json
import linecache
import re
import sys
from collections import OrderedDict
from functools import lru_cache
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from telemetry.datasette.sql_errors import (
    is_interruption,
    is_passed,
    is_statement_refused,
    result_code,
)
from telemetry.errors.sqlite_functions import is_callback_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import CodeType, FrameType, TracebackType

MAX_TYPED = 200
"""Number of values of one request that are looked for."""
MAX_TEXT = 65_536
"""Characters of a text in which they are looked for."""
MAX_COMPARISONS = 5_000
"""Number of comparisons of a text with one that was typed. After that, nothing is found."""
MAX_ITEMS = 100
"""Number of items of a container that are looked at."""

# Not about what was typed, wherever they are raised.
_HOSTS = (OSError, MemoryError, ImportError, SystemError)
# But for a name of a static file. Within a file there is none.
_OF_NAMES = frozenset({errno.ENAMETOOLONG, errno.ENOTDIR})
_STATIC = re.compile(r"/-/static(?:-plugins/[^/]+)?/(.+)$", re.DOTALL)
# What follows the last point of a path is a format. A table's name has no point there.
_FORMATS = frozenset({"", "json", "csv", "blob"})
# Packages by which Datasette reads a request and writes a page.
_READERS = frozenset(
    {"aiofiles", "itsdangerous", "jinja2", "markupsafe", "multipart", "python_multipart"}
)
_HARMLESS_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# What SQLite complains of: "no such column: nope", 'near "nope": syntax error'.
_NAMED = re.compile(r'^no such [\w ]+: (.+)$|^near "(.*)": ', re.DOTALL)
# Datasette's own, which have what was typed.
_REQUESTS = frozenset({"Request", "MultiParams", "FormData"})
# A shorter text is found by chance.
_MIN_FOUND = 2
_NESTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def is_caused_by_request(error: BaseException, scope: Mapping[str, Any], body: bytes = b"") -> bool:
    """Whether a failure of Datasette was caused by the request alone.

    Args:
        error: the exception, with its traceback.
        scope: the request's ASGI scope.
        body: the beginning of the request's body.
    """
    if isinstance(error, OSError) and error.errno in _OF_NAMES:
        return _is_of_name(error, scope) and _is_only_datasettes(error)
    if isinstance(error, _HOSTS) or is_callback_error(error):
        return False
    if result_code(error) is not None and not is_statement_refused(error):
        return False
    if not _is_only_datasettes(error):
        return False
    frames = _datasettes_frames(error.__traceback__)
    typed = Typed(scope, body)
    if isinstance(error, UnicodeError) and typed.is_in_exception(error):
        return True
    if not typed:
        return False
    named = _NAMED.search(str(error)) if result_code(error) is not None else None
    if named is not None:
        # The statement has more than what was typed, and only this was wrong.
        return typed.is_named(named[1] or named[2] or "")
    if is_interruption(error) or typed.is_in_exception(error):
        return True
    frame, instruction = next(each for each in reversed(frames) if _is_datasettes(each[0]))
    if _is_request(frame.f_locals.get("self")):
        return True
    return any(typed.is_in(value) for value in _values(frame, instruction))


def _is_only_datasettes(error: BaseException) -> bool:
    frames = _datasettes_frames(error.__traceback__)
    return bool(frames) and all(_is_passed(frame) for frame, _ in frames)


def _is_of_name(error: OSError, scope: Mapping[str, Any]) -> bool:
    """Whether a path names a static file that no disk could have: too long, or within a file."""
    raw = bytes(scope.get("raw_path") or b"").partition(b"?")[0].decode("latin-1")
    for path in (str(scope.get("path", "")), raw):
        found = _STATIC.search(path)
        if found is None or not str(error.filename).endswith(f"/{found[1]}"):
            continue
        if error.errno == errno.ENAMETOOLONG or "/" in found[1]:
            return True
    return False


def _datasettes_frames(traceback: TracebackType | None) -> list[tuple[FrameType, int]]:
    """The frames from Datasette's outermost one on, each with its instruction."""
    found: list[tuple[FrameType, int]] = []
    while traceback is not None:
        if found or _is_datasettes(traceback.tb_frame):
            found.append((traceback.tb_frame, traceback.tb_lasti))
        traceback = traceback.tb_next
    return found


def _is_datasettes(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] == "datasette"


def _is_passed(frame: FrameType) -> bool:
    module = str(frame.f_globals.get("__name__", ""))
    if not module:
        # A compiled template.
        return _is_datasettes_template(frame.f_code.co_filename)
    return is_passed(module) or module.partition(".")[0] in _READERS


def _is_datasettes_template(path: str) -> bool:
    package = getattr(sys.modules.get("datasette"), "__file__", None)
    return package is not None and PurePath(package).parent in PurePath(path).parents


class Typed:
    """What the client of one request typed. False if that is nothing.

    Args:
        scope: the request's ASGI scope.
        body: the beginning of the request's body.
    """

    def __init__(self, scope: Mapping[str, Any], body: bytes = b"") -> None:
        self._left = MAX_COMPARISONS
        query = bytes(scope.get("query_string") or b"")
        self._raw = [part for part in (query, body) if part]
        self._sent = [*self._raw, bytes(scope.get("raw_path") or b"")]
        self._documents: list[object] = []
        self._texts = OrderedDict.fromkeys(_texts(query, body, self._documents))
        method = str(scope.get("method", "GET"))
        if method not in _HARMLESS_METHODS:
            self._texts[method] = None
        last = str(scope.get("path", "")).rpartition("/")[2]
        ending = last.rpartition(".")[2] if "." in last else ""
        if ending not in _FORMATS:
            self._texts[ending[:MAX_TEXT]] = None

    def __bool__(self) -> bool:
        return bool(self._texts)

    def is_in_exception(self, error: BaseException) -> bool:
        """Whether an exception has what was typed: the input of a decoder, a key, its text."""
        if isinstance(error, UnicodeError):
            # Of an error of the host, such as in a file that it reads, this is another text.
            found = getattr(error, "object", None)
            raw = found if isinstance(found, bytes) else str(found).encode("utf-8", "replace")
            return bool(raw) and (any(raw in each for each in self._sent) or self.is_in(found))
        if isinstance(error, json.JSONDecodeError):
            return self.is_in(error.doc)
        if isinstance(error, KeyError) and error.args and isinstance(error.args[0], str):
            return error.args[0] in self._texts
        words = str(error)[:MAX_TEXT] if error.args else ""
        return any(
            repr(text) in words or (len(text) > _MIN_FOUND and _is_part(text, words))
            for text in self._texts
            if text
        )

    def is_named(self, name: str) -> bool:
        """Whether a name that SQLite does not know was typed, or a part of it."""
        if self.is_in(name) or any(_is_part(text, name) for text in self._texts if text):
            return True
        # "inner." of an empty text.
        return "" in self._texts and not name.rpartition(".")[2]

    def is_in(self, value: object, depth: int = 2) -> bool:
        """Whether a value is, has or is a part of what was typed."""
        if isinstance(value, str):
            return self._is_in_text(value[:MAX_TEXT])
        if isinstance(value, bytes | bytearray):
            raw = bytes(value[:MAX_TEXT])
            return bool(raw) and (
                any(raw in each or each in raw for each in self._raw)
                or self._is_in_text(raw.decode("utf-8", "replace"))
            )
        if value is None or isinstance(value, bool | dict | list):
            # Not 1 for True, which are equal.
            known = (each for each in self._documents if type(each) is type(value))
            if any(each == value for each in known):
                return True
        if value is None or isinstance(value, bool):
            return False
        if isinstance(value, int | float):
            return str(value) in self._texts
        if _is_request(value):
            return True
        if depth and isinstance(value, dict):
            items = list(value.items())[:MAX_ITEMS]
            return any(self.is_in(each, depth - 1) for pair in items for each in pair)
        if depth and isinstance(value, list | tuple | set | frozenset):
            return any(self.is_in(each, depth - 1) for each in list(value)[:MAX_ITEMS])
        return False

    def _is_in_text(self, value: str) -> bool:
        if value in self._texts:
            return True
        self._left -= len(self._texts)
        if self._left < 0:
            return False
        return any(_is_found(text, value) or _is_found(value, text) for text in self._texts)


def _is_found(text: str, whole: str) -> bool:
    # A single letter is part of anything, and a control character of nothing else.
    is_long = len(text) >= _MIN_FOUND or (
        bool(text) and not (text.isascii() and text.isprintable())
    )
    return is_long and _is_part(text, whole)


def _is_request(value: object) -> bool:
    kind = type(value)
    return kind.__name__ in _REQUESTS and kind.__module__.startswith("datasette.utils")


def _texts(query: bytes, body: bytes, documents: list[object]) -> Iterator[str]:
    for number, text in enumerate(_all_texts(query, body, documents)):
        if number >= MAX_TYPED:
            return
        yield text[:MAX_TEXT]


def _all_texts(query: bytes, body: bytes, documents: list[object]) -> Iterator[str]:
    for each in (query, body):
        # A large one is looked at as far as the limit goes.
        text = "&".join(each.decode("latin-1").split("&", MAX_TYPED)[:MAX_TYPED])
        for key, value in parse_qsl(text, keep_blank_values=True):
            # What stands before an operator is a column: `nope__gt`.
            yield from (key, value, *key.split("__"))
            yield from _scalars(value, documents)
    if body:
        yield body.decode("utf-8", "replace")
        yield from _scalars(body, documents)


def _scalars(text: str | bytes, documents: list[object]) -> Iterator[str]:
    """The keys, texts and numbers of a JSON document, which is appended to ``documents``."""
    try:
        waiting = [json.loads(text)]
    except (ValueError, RecursionError):
        return
    documents += waiting
    for _ in range(MAX_TYPED):
        if not waiting:
            return
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            yield str(value)


def _is_part(text: str, whole: str) -> bool:
    """Whether a text is part of another one, and not of a word in it."""
    return text in whole and (
        re.search(rf"(?<!\w){re.escape(text)}(?!\w)", whole) is not None
        or not (text[:1].isalnum() and text[-1:].isalnum())
    )


def _values(frame: FrameType, instruction: int) -> Iterator[object]:
    """The values that the failing expression of a frame uses."""
    variables = frame.f_locals
    for names in _names(frame.f_code, instruction):
        value = variables.get(names[0])
        if names[0] not in variables:
            continue
        yield value
        for name in names[1:]:
            # No property is called.
            value = getattr(value, "__dict__", {}).get(name)
            yield value


@lru_cache(maxsize=512)
def _names(code: CodeType, instruction: int) -> Sequence[tuple[str, ...]]:
    """The names, with their attributes, that an instruction's expression and conditions use."""
    positions = list(code.co_positions())
    index = instruction // 2
    line = positions[index][0] if index < len(positions) else None
    source = "".join(linecache.getlines(code.co_filename))
    if line is None or not source:
        return ()
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return ()
    where = positions[index]
    found: list[ast.AST] = []
    for node, above in _path_to(tree, where):
        found = [node, *_conditions(node, above)]
    return tuple(OrderedDict.fromkeys(names for node in found for names in _used(node)))


def _path_to(
    tree: ast.AST, where: tuple[int | None, int | None, int | None, int | None]
) -> Iterator[tuple[ast.AST, list[ast.AST]]]:
    """Yield the smallest expression or statement around a position, with those that it is in."""
    line, end_line, column, end_column = where
    above: list[ast.AST] = []
    node: ast.AST | None = tree
    while node is not None:
        inner = next(
            (
                child
                for child in ast.iter_child_nodes(node)
                if getattr(child, "lineno", None) is not None
                and (child.lineno, child.col_offset) <= (line, column or 0)  # type: ignore[attr-defined]
                and (end_line or line, end_column or 0) <= (child.end_lineno, child.end_col_offset)  # type: ignore[attr-defined]
            ),
            None,
        )
        if inner is None:
            # A comprehension's parts have no position of their own.
            inner = next(
                (
                    child
                    for child in ast.iter_child_nodes(node)
                    if isinstance(child, ast.comprehension)
                    and any(_surrounds(part, where) for part in ast.iter_child_nodes(child))
                ),
                None,
            )
        if inner is None:
            yield node, above
            return
        above = [node, *above]
        node = inner


def _surrounds(node: ast.AST, where: tuple[int | None, int | None, int | None, int | None]) -> bool:
    line, end_line, column, end_column = where
    return (
        getattr(node, "lineno", None) is not None
        and (node.lineno, node.col_offset) <= (line, column or 0)  # type: ignore[attr-defined]
        and (end_line or line, end_column or 0) <= (node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]
    )


def _conditions(node: ast.AST, above: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """What decides whether a statement that raises is run: the tests around it, what it caught."""
    below = node
    for each in above:
        if isinstance(each, _NESTED):
            return
        if isinstance(each, ast.Raise | ast.Assert):
            yield each
        elif isinstance(each, ast.If) and below is not each.test and _raises(node, above):
            yield each.test
        elif isinstance(each, ast.Try) and isinstance(below, ast.ExceptHandler):
            yield from each.body
        below = each


def _raises(node: ast.AST, above: Iterable[ast.AST]) -> bool:
    return any(isinstance(each, ast.Raise | ast.Assert) for each in (node, *above))


def _used(node: ast.AST) -> Iterator[tuple[str, ...]]:
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load):
            yield (each.id,)
        elif isinstance(each, ast.Attribute):
            names = [each.attr]
            inner: ast.AST = each.value
            while isinstance(inner, ast.Attribute):
                names.append(inner.attr)
                inner = inner.value
            if isinstance(inner, ast.Name):
                yield (inner.id, *reversed(names))
