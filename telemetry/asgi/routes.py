r"""Readable route templates.

Datasette's ``http.route`` is a raw regular expression and Django's may be one::

    /(?P<database>[^\/\.]+)/(?P<table>[^\/\.]+)(\.(?P<format>\w+))?$
    articles/<int:year>/

become ``/{database}/{table}`` and ``/articles/{year}/``. Named groups keep
their names, optional parts are removed, and an unnamed group becomes ``{}``.
"""

from __future__ import annotations

import re
from functools import lru_cache

_CONVERTER = re.compile(r"(?<!\?P)<(?:[^<>:]+:)?([^<>:]+)>")
_NAME = re.compile(r"\(\?P<(\w+)>")
_BRACED = re.compile(r"\{[A-Za-z_]\w*\}")
_QUANTIFIER = re.compile(r"(?:[*+?]|\{\d*,?\d*\})[?+]?")
_CLASSES = frozenset({r"\d", r"\D", r"\w", r"\W", r"\s", r"\S"})
_UNNAMED = "{}"


# An application has few patterns. The cache is bounded all the same, since a
# host that builds a Datasette for each request compiles them anew.
@lru_cache(maxsize=1024)
def readable_route(pattern: str) -> str:
    """The readable form of a Django or Datasette URL pattern, with a leading slash."""
    route = _scan(_CONVERTER.sub(r"{\1}", pattern))
    return route if route.startswith("/") else f"/{route}"


def _scan(pattern: str) -> str:
    parts: list[str] = []
    position = 0
    while position < len(pattern):
        is_class = pattern[position] in ".[" or pattern[position : position + 2] in _CLASSES
        text, position = _element(pattern, position)
        quantifier = _QUANTIFIER.match(pattern, position)
        if quantifier and not _BRACED.match(pattern, position):
            position = quantifier.end()
            if quantifier[0][0] in "?*" and not is_class:
                continue
        if text == _UNNAMED and parts and parts[-1] == _UNNAMED:
            continue
        parts.append(text)
    return "".join(parts)


def _element(pattern: str, position: int) -> tuple[str, int]:
    """The readable form of the element at ``position``, and the position of the next one."""
    character = pattern[position]
    if character in "^$":
        return "", position + 1
    if character == "\\" and position + 1 < len(pattern):
        escaped = pattern[position + 1]
        if escaped in "AZbB":
            return "", position + 2
        return (_UNNAMED if f"\\{escaped}" in _CLASSES else escaped), position + 2
    if character == "[":
        return _UNNAMED, _after_class(pattern, position)
    if character == "(":
        end = _after_group(pattern, position)
        return _group(pattern[position:end]), end
    if braced := _BRACED.match(pattern, position):
        return braced[0], braced.end()
    # A dot without a quantifier is usually an unescaped full stop, as in Datasette's favicon.ico.
    wild = character == "." and _QUANTIFIER.match(pattern, position + 1)
    return (_UNNAMED if wild else character), position + 1


def _group(group: str) -> str:
    if named := _NAME.match(group):
        return f"{{{named[1]}}}"
    if group.startswith("(?:"):
        inner = group[3:-1]
        return _UNNAMED if "|" in inner else _scan(inner)
    if group.startswith("(?"):
        return ""  # a look-around or a flag, which matches no text
    return _UNNAMED


def _after_class(pattern: str, position: int) -> int:
    position += 1
    if pattern.startswith("^", position):
        position += 1
    if pattern.startswith("]", position):
        position += 1
    while position < len(pattern) and pattern[position] != "]":
        position += 2 if pattern[position] == "\\" else 1
    return position + 1


def _after_group(pattern: str, position: int) -> int:
    depth = 0
    while position < len(pattern):
        character = pattern[position]
        if character == "\\":
            position += 2
            continue
        if character == "[":
            position = _after_class(pattern, position)
            continue
        depth += {"(": 1, ")": -1}.get(character, 0)
        position += 1
        if depth == 0:
            break
    return position
