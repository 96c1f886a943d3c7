"""Applies the redaction rules to texts, attributes and nested values."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from telemetry.failsafe import failed
from telemetry.redaction import additions
from telemetry.redaction.additions import plain_name
from telemetry.redaction.addresses import without_user_options, without_users
from telemetry.redaction.bounds import CUT, bounded
from telemetry.redaction.named import may_have_name, without_named
from telemetry.redaction.neighbours import (
    has_named_value,
    is_value_of_name,
    replaced,
    without_marked,
)
from telemetry.redaction.query_strings import (
    without_named_values,
    without_values,
    without_values_in,
)
from telemetry.redaction.secrets import encoded_forms_of, forms_of
from telemetry.redaction.sql import (
    LONGEST_STATEMENT,
    MAX_STATEMENT,
    TRUNCATED,
    cut_statement,
    without_literals,
    without_parameter_numbers,
    without_quotations,
)
from telemetry.redaction.tokens import may_have_token, without_keys, without_schemes, without_tokens
from telemetry.registry.contents import (
    MAX_QUERY,
    Content,
    content_of,
    is_credential,
    length_of,
)
from telemetry.registry.redaction import (
    CREDENTIALS,
    EMAILS,
    KEPT_PARAMETERS,
    MARGIN,
    MAX_TEXT,
    QUERY_STRINGS,
    REDACTED,
    SQL,
)
from telemetry.scope import MAX_PATH

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.settings.model import RedactionSettings

MAX_DEPTH = 8
# Paths, names and statements repeat from page to page, so results are cached.
_REMEMBERED = 1024
_LONGEST_REMEMBERED = 1024
# Datasette's tilde encoding (https://docs.datasette.io/en/latest/internals.html).
_TILDE = re.compile(r"~(?=[0-9A-F]{2})")
# What escapes begin with. The text behind so many of them is not decoded, and is replaced.
_MARKS = ("%", "~", "&")
_MAX_ESCAPES = 2048
# JSON's and Python's escapes of a printable character of ASCII.
_ESCAPE = re.compile(r"\\(?:u00|x)([2-7][0-9a-fA-F])")
# A line break within a string, of a request that was logged as one. A Windows path has them too:
# the decoded text is only used if it has something private.
_LINE_BREAK = re.compile(r"\\(?<!\\\\)(?:r\\)?n")
_COLOR = re.compile(r"\x1b\[[0-9;]{0,16}m")
_TRACEBACKS = ("Traceback (most recent call last):", "  + Exception Group Traceback ")
_FRAME = re.compile(r' File "[^"\n]{1,256}", line [0-9]{1,7}, in [\w.<>]{1,128}(?=\r?\n|\Z)')
_MAX_FRAMES = 64
# Shorter texts can't hold a credential or an e-mail address.
_SHORT = 6
# Maximum number of passes over a text that changes. Long texts have one, which bounds the cost.
_PASSES = 4
_LONG = 1024


class Redactor:
    """Redacts private data. Thread-safe; does not raise for any value.

    Args:
        settings: the kinds of data that are redacted, and the operator's secrets, which always
            are.

    Attributes:
        generation: another object after each change of the rules, for caches of redacted values.
    """

    def __init__(self, settings: RedactionSettings) -> None:
        self._secrets = forms_of(settings.secrets)
        self._encoded_secrets = encoded_forms_of(settings.secrets)
        self._margin = max(MARGIN, *map(len, self._secrets), 0)
        self._kinds = settings.kinds
        # This bounds the time. Without kinds only a few secrets are searched for.
        self._length = settings.text_length if self._kinds else MAX_TEXT
        self.learn()
        additions.follow(self)

    def learn(self) -> None:
        """Load the rules that the host has added, and clear the caches."""
        self._rules = additions.current()
        self._kept_parameters = KEPT_PARAMETERS | self._rules.kept_parameters
        self._content = lru_cache(_REMEMBERED)(self._content_of)
        self._short_text = lru_cache(_REMEMBERED)(self._redacted)
        self._short_sql = lru_cache(_REMEMBERED)(self._redacted_sql)
        self._measured = lru_cache(_REMEMBERED)(self._of_a_measurement)
        self._long_statement = lru_cache(_REMEMBERED)(self._cut_statement)
        # Last: what was redacted before is of an earlier generation.
        self.generation = object()

    @property
    def has_patterns(self) -> bool:
        """Whether the host has added patterns, which may match in any text."""
        return bool(self._rules.patterns)

    def text(self, text: str) -> str:
        """Redact a text: a message, a name, a path, a traceback."""
        if len(text) < _SHORT:
            return text
        if len(text) <= _LONGEST_REMEMBERED:
            return self._short_text(text)
        return self._cut(text, self._redacted)

    def value(self, name: str, value: Any, depth: int = MAX_DEPTH) -> Any:
        """Redact the value of an attribute, a header or a field.

        Returns the same object if nothing is private.
        """
        content = self._content(name)
        if content is Content.TEXT:
            return self.anything(value, depth)
        if content is Content.PRIVATE_NAME:
            return replaced(value) if is_credential(name) else self.anything(value, depth)
        if content is Content.OURS or value is None or isinstance(value, bool):
            return value
        if content is Content.CREDENTIAL:
            return replaced(value)
        if content is Content.PATH and isinstance(value, str):
            found = self.cut(value, MAX_PATH)
            return value if found == value else found
        if content is Content.CUT and isinstance(value, str):
            found = self.cut(value, length_of(name))
            return value if found == value else found
        if content is Content.PARAMETERS:
            return replaced(value) if SQL in self._kinds else self.anything(value, depth)
        if isinstance(value, str):
            found = self._of_content(content, value)
            return value if found == value else found
        if isinstance(value, bytes | bytearray):
            return self._bytes(value, content)
        if isinstance(value, Sequence):
            return _unless_changed(value, [self.value(name, item, depth - 1) for item in value])
        return self.anything(value, depth)

    def attributes(self, attributes: Mapping[str, Any]) -> Mapping[str, Any]:
        """Redact attributes by name, and names.

        Returns the same mapping if nothing in it is private.
        """
        changed: dict[str, Any] | None = None
        content_of, short_text = self._content, self._short_text
        for name, value in attributes.items():
            kind = type(value)
            # Runs for every attribute of every span and measurement: common cases come first.
            content = content_of(name)
            if content is Content.TEXT or (
                # A path that need not be cut is a text like any other.
                content is Content.PATH and kind is str and len(value) <= MAX_PATH
            ):
                if kind is str:
                    if len(value) < _SHORT:
                        continue
                    long = len(value) > _LONGEST_REMEMBERED
                    found = self.text(value) if long else short_text(value)
                    if found == value:
                        continue
                elif kind is int or kind is float or kind is bool:
                    continue
                else:
                    found = self.anything(value)
            elif content is Content.PRIVATE_NAME:
                if changed is None:
                    changed = dict(attributes)
                del changed[name]
                changed[self.text(name)] = self.value(name, value)
                continue
            else:
                found = self.value(name, value)
            if found is not value:
                if changed is None:
                    changed = dict(attributes)
                changed[name] = found
        return attributes if changed is None else changed

    def measured(self, attributes: Mapping[str, Any]) -> Mapping[str, Any]:
        """Redact the attributes of a measurement. These repeat, so results are cached.

        The returned mapping is shared and must not be changed.
        """
        try:
            return self._measured(tuple(attributes.items()))
        except TypeError:
            # An attribute value is a list, which is not hashable.
            return self.attributes(attributes)

    def anything(self, value: Any, depth: int = MAX_DEPTH) -> Any:
        """Redact a value of texts, numbers, lists and dicts.

        Returns the same object if nothing is private. Containers nested deeper than ``depth`` are
        replaced.
        """
        if isinstance(value, str):
            found = self.text(value)
            return value if found == value else found
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, Mapping):
            if depth <= 0:
                return REDACTED
            return self._mapping(value, depth - 1)
        if isinstance(value, list | tuple | set | frozenset):
            if depth <= 0:
                return REDACTED
            items = value if isinstance(value, set | frozenset) else self._without_marked(value)
            return _unless_changed(value, [self.anything(item, depth - 1) for item in items])
        if isinstance(value, bytes | bytearray):
            return self._bytes(value)
        return value

    def pairs_up(self, name: str, values: Sequence[Any]) -> bool:
        """Whether an item of an attribute's list is a credential by the item in front of it."""
        return self._content(name) is Content.TEXT and self._without_marked(values) is not values

    def _without_marked(self, values: Sequence[Any]) -> Sequence[Any]:
        return without_marked(values) if CREDENTIALS in self._kinds else values

    def whole(self, text: str) -> str:
        """Redact a text of any length, such as a file, without cutting it.

        Line by line, up to `MAX_TEXT` at a time. Of a longer line, `CUT` replaces what is around
        each place at which it would be cut.
        """
        parts: list[str] = []
        at = 0
        while len(text) - at > MAX_TEXT:
            end = text.rfind("\n", at, at + MAX_TEXT) + 1
            if end:
                parts.append(self._redacted(text[at:end]))
                at = end
            else:
                parts += (self._redacted(text[at : at + MAX_TEXT])[: -self._margin], CUT)
                at += MAX_TEXT
        return "".join((*parts, self._redacted(text[at:])))

    def _cut(self, text: str, redacted: Callable[[str], str]) -> str:
        most = self._length
        if len(text) <= most:
            return redacted(text)
        if len(text) <= MAX_TEXT and text.startswith(_TRACEBACKS):
            frame = _FRAME.search(text, len(text) - most)
            if frame is not None:
                return self._traceback(text, frame.start())
        # Redacted before it is cut. The margin's own end may be half a credential.
        found = redacted(text[: most + self._margin])
        found = found[: max(0, len(found) - min(self._margin, len(text) - most))][:most]
        return f"{found}{CUT}" if most < MAX_TEXT else found

    def _traceback(self, text: str, start: int) -> str:
        """A traceback, of whose frames those before ``start`` are without their source."""
        first, _, _ = text.partition("\n")
        if not text[len(first) : start].strip():
            return self._redacted(text)
        frames = _FRAME.findall(text, 0, start)[-_MAX_FRAMES:]
        shown = "".join(f" {self.text(frame)}\n" for frame in frames)
        return f"{first}\n{shown}  {CUT}\n {self._redacted(text[start:])}"

    def cut(self, text: str, limit: int) -> str:
        """Redact a text, and then cut it to ``limit`` characters, fewer than `MAX_TEXT`."""
        beyond = min(self._margin, len(text) - limit)
        if beyond <= 0 or limit + beyond > self._length:
            return self.text(text)[:limit]
        found = self.text(text[: limit + beyond])
        return found[: max(0, len(found) - beyond)][:limit]

    def _bytes(
        self, value: bytes | bytearray, content: Content = Content.TEXT
    ) -> bytes | bytearray:
        found = bytes(value[: MAX_TEXT + self._margin]).decode("latin-1")
        text = self._of_content(content, found).replace(CUT, "[...]")
        shown = text.encode("latin-1", "replace")
        return value if shown == value else shown

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> Mapping[Any, Any]:
        items, same = {}, True
        has_credential = CREDENTIALS in self._kinds and has_named_value(value)
        for key, item in value.items():
            # Keys may be private as well.
            name = self.anything(key) if isinstance(key, str) else key
            if has_credential and is_value_of_name(key) and not isinstance(item, bool | None):
                found = replaced(item)
            else:
                found = self.value(str(key), item, depth)
            items[name] = found
            same = same and name is key and found is item
        return value if same else items

    def _of_a_measurement(self, items: tuple[tuple[str, Any], ...]) -> Mapping[str, Any]:
        return self.attributes(dict(items))

    def _content_of(self, name: str) -> Content:
        # OpenTelemetry's name of a captured header, for example "http.request.header.x_parcel".
        header = name.rpartition(".header.")[2]
        if not {plain_name(name), plain_name(header)}.isdisjoint(self._rules.names):
            return Content.CREDENTIAL
        content = content_of(name)
        if content is Content.CREDENTIAL and CREDENTIALS not in self._kinds:
            content = Content.TEXT
        return Content.PRIVATE_NAME if self.text(name) != name else content

    def _of_content(self, content: Content, value: str) -> str:
        if content is Content.SQL:
            return self._sql(value)
        if content is Content.STATEMENTS:
            if MAX_STATEMENT < len(value) <= LONGEST_STATEMENT:
                return self._long_statement(without_parameter_numbers(value))
            return self._cut_statement(value)
        return self._query(value) if content is Content.QUERY_STRING else self.text(value)

    def _query(self, query: str) -> str:
        if len(query) > MAX_QUERY:
            # Without its last parameter: the limit may have cut its name.
            whole = query[: MAX_QUERY + self._margin].rpartition("&")[0]
            return self._whole_query(whole or query[:MAX_QUERY])[:MAX_QUERY]
        return self._whole_query(query)

    def _whole_query(self, query: str) -> str:
        if QUERY_STRINGS in self._kinds:
            query = without_values(query[:MAX_TEXT], self._kept_parameters)
        # Names of parameters may be private as well.
        return self.text(query)

    def _cut_statement(self, statement: str) -> str:
        return cut_statement(self._sql(statement))

    def _sql(self, statement: str) -> str:
        if len(statement) <= _LONGEST_REMEMBERED:
            return self._short_sql(statement)
        return self._cut(statement, self._redacted_sql)

    def _redacted_sql(self, statement: str) -> str:
        return _or_nothing(self._sql_by_rules, statement)

    def _sql_by_rules(self, statement: str) -> str:
        if statement.endswith(TRUNCATED):
            # Datasette has cut it, within its last word perhaps.
            statement = f"{_without_last_word(statement.removesuffix(TRUNCATED))}{TRUNCATED}"
        found = self._without_secrets(statement)
        found = without_literals(found) if SQL in self._kinds else found
        # Only rules for shapes: in SQL, `token = ?` is not a credential, and there are no URLs or
        # messages.
        return self._without_shapes(found)

    def _redacted(self, text: str) -> str:
        return _or_nothing(self._by_rules, text)

    def _by_rules(self, text: str) -> str:
        # The result of one rule may match another rule. Most texts do not change.
        for _ in range(_PASSES if len(text) <= _LONG else 1):
            found = self._redacted_once(text)
            if found == text:
                break
            text = found
        return text

    def _redacted_once(self, text: str) -> str:
        text = self._without_secrets(text)
        if "%" in text and SQL in self._kinds and without_quotations(text) != text:
            # The numbers of a quoted statement are replaced, and with them those of escapes.
            text = self._without_secrets(_decoded(text))
        found = self._searched(text)
        if "%" in found or "~" in found or "&" in found or "\\" in found or "\x1b" in found:
            return self._searched_decoded(found)
        return found

    def _searched_decoded(self, text: str) -> str:
        """If the decoded text has private data, it is returned decoded."""
        decoded = _decoded(text)
        plain = self._without_secrets(decoded)
        # Last: a secret may have a backslash and an "n" in it.
        lines = _LINE_BREAK.sub("\n", plain) if "\\" in plain else plain
        if lines == text:
            return text
        found = self._searched(lines)
        # What is behind the last escape that is decoded was not searched.
        same = plain == decoded and found == lines and not decoded.endswith(CUT)
        return text if same else found

    def _searched(self, text: str) -> str:
        kinds = self._kinds
        lowered = text.lower()
        if SQL in kinds:
            found = without_quotations(text, lowered)
            if found is not text:
                text, lowered = found, found.lower()
        if CREDENTIALS in kinds:
            if "BEGIN" in text or "PuTTY" in text:
                text = without_keys(text)
            if "@" in text and ("://" in text or ":\\/" in text):
                text = without_users(text)
            if "-u" in text:
                text = without_user_options(text)
            if may_have_name(lowered):
                # First: the name that marks a credential may be inside a query string's value.
                text = without_schemes(without_named(text))
        if QUERY_STRINGS in kinds:
            if "?" in text:
                text = without_values_in(text, self._kept_parameters)
            if "query" in lowered:
                text = without_named_values(text, self._kept_parameters)
        return self._without_shapes(text)

    def _without_secrets(self, text: str) -> str:
        # First: another rule may redact a part of the secret and leave the rest.
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, REDACTED)
        return text

    def _without_shapes(self, text: str) -> str:
        if may_have_token(text):
            for secret in self._encoded_secrets:
                if secret in text:
                    text = text.replace(secret, REDACTED)
            if CREDENTIALS in self._kinds:
                text = without_tokens(text)
        if EMAILS in self._kinds and "@" in text:
            text = without_emails(text)
        for pattern in self._rules.patterns:
            text = bounded(pattern, _unless_taken_out, text)
        return text


def _or_nothing(redacted: Callable[[str], str], text: str) -> str:
    """The redacted text, or none of it if a rule fails: what was not searched is not sent."""
    try:
        return redacted(text)
    except Exception as error:  # noqa: BLE001 # of a rule
        failed("redaction.text", error)
        return CUT


def _decoded(text: str) -> str:
    """The text without percent-encoding, Datasette's, HTML's and JSON's."""
    for mark in _MARKS:
        parts = text.split(mark, _MAX_ESCAPES)
        if len(parts) > _MAX_ESCAPES:
            text = f"{text[: len(text) - len(parts[-1]) - 1]}{CUT}"
    if "%" in text or "~" in text:
        text = unquote(unquote(_TILDE.sub("%", text)))
    if "&" in text and ";" in text:
        text = html.unescape(html.unescape(text) if "&amp;" in text else text)
    if "\\" in text:
        text = _ESCAPE.sub(_unescaped, text)
    return _COLOR.sub("", text) if "\x1b" in text else text


def _without_last_word(text: str) -> str:
    return text[: -len(text.split()[-1])] if text[-1:].strip() else text


def _unescaped(match: re.Match[str]) -> str:
    return chr(int(match[1], 16))


def _unless_taken_out(match: re.Match[str]) -> str:
    # A host's pattern, for capital letters say, may match the placeholder.
    begin = match.string.rfind("[", 0, match.start() + 1)
    ours = match.string.startswith(REDACTED, begin) if begin >= 0 else False
    return match[0] if ours and match.end() <= begin + len(REDACTED) else REDACTED


def _unless_changed(value: Any, items: list[Any]) -> Any:
    if len(items) == len(value) and all(map(_is, items, value)):
        return value
    return tuple(items) if isinstance(value, tuple) else items


def _is(one: object, other: object) -> bool:
    return one is other


# The addresses of RFC 5321 that are in use, in any script. Quantifiers are possessive, and a match
# starts only where a word starts, so that the time is linear.
_EMAIL = re.compile(r"[\w.+%'-](?<![\w.+%'-].)[\w.+%'-]*+@(?:\[[\w.:]++\]|[\w-]++(?:\.[\w-]++)++)")


def without_emails(text: str) -> str:
    """The text with e-mail addresses replaced."""
    return bounded(_EMAIL, REDACTED, text)
