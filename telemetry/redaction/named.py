"""Redacts values behind the name of a credential, in any text and in the common notations.

A scanner and no regular expression, which can't follow brackets and quotes: after a name it looks
for what separates it from a value, and then for the end of the value.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Final

from telemetry.redaction.bounds import CUT
from telemetry.registry.contents import CREDENTIAL_WORDS
from telemetry.registry.redaction import REDACTED, REDACTED_IN_URL

# Each name that `_NAME` matches, and each scheme, has one of these: "pass" is in "passw", and "sig"
# in "signature".
_WORDS: Final = (
    *("key", "auth", "token", "session", "secret", "cookie", "pass", "pin", "sig", "sid", "pwd"),
    *("csrf", "xsrf", "jwt", "dsn", "otp", "credential", "bearer", "basic", "digest"),
    "negotiate",
)
# In small letters. Ends where the word ends.
_NAME = re.compile(
    rf"(?:{CREDENTIAL_WORDS}|[a-z0-9][._-]key(?![\w.-])(?<!primary.key)(?<!foreign.key)"
    r"(?<!cache.key)(?<!sort.key)(?<!row.key)(?<!partition.key)(?<!routing.key)(?<!public.key)"
    r"(?<!group.key)(?<!object.key))[\w.-]*+"
)
# Between a name and its value, in small letters: the end of a subscript, an assignment. Bounded, so
# that the time is linear.
_SEPARATOR = re.compile(
    r"(?P<quote>\\{0,7}[\"'`])?+[ \t]{0,64}+(?:[\])]{1,3}+[ \t]{0,8}+)?+"
    r"(?:"
    # A name with its type: `password: str = "…"`.
    r":[ \t]{0,8}(?:str|bytes|int|any|object|string|secretstr|optional\[\w{1,16}\])"
    r"(?: ?\| ?none)?[ \t]{0,8}=[ \t]{0,64}"
    # A block of YAML, or a prompt with the value in the next line.
    r"|(?P<block>:[ \t]{0,8}(?:[|>][+-]?[0-9]?[+-]?)?[ \t]{0,8}\r?\n)"
    r"|(?P<assigned>(?:=>|->|:=|={1,3}|:(?!//))[ \t]{0,64})"
    # `("password", "…")`, `name="password" value="…"`, and a form of several parts.
    r"|(?(quote)(?:"
    r"(?:(?:(?<=[ \t])|[ \t,;]{1,8}+)[\w:-]{1,32}+\\{0,7}[\"']?[ \t]?[=:][ \t]?\\{0,7}[\"']"
    r"[^\"'<>]{0,64}[\"']){0,3}"
    r"(?:(?<=[ \t])|[\s,;]{1,8}+)\\{0,7}[\"']?(?:value|content|val|text|data)"
    r"\\{0,7}[\"']?[ \t]?[=:][ \t]?"
    r"|(?P<listed>,[ \t\n]{0,8})"
    r"|(?P<form>(?:;[^\r\n]{0,200})?\r?\n(?:[\w-]{1,40}:[^\r\n]{0,200}\r?\n){0,3}\r?\n)"
    r")|(?!))"
    r"|(?P<called>\()(?=[bru]?[\"'])"
    r"|(?P<said>(?<=[ \t])(?:is|was)[ \t]{1,8})"
    r")"
)
_BLANKS = re.compile(r"[ \t]{1,64}")
_TAG_END = re.compile(r"[^<>]{0,200}>(?:<!\[cdata\[)?")
# What may stand before a name in its line, and before it in an option or a tag.
# Not possessive, with which `fullmatch` of Python 3.11 matches too much.
_LINE_BEGIN = re.compile(r"[ \t]{0,32}(?:- |export |set |;|#)?[\w.-]{0,48}")
_TAG_BEGIN = re.compile(r"[\w:.-]{0,48}")
_OPTION_BEGIN = re.compile(r"--[\w.-]{0,48}")
_LOOKBEHIND: Final = 100
_INDENTED = re.compile(r"(?:[ \t]+[^\n]*(?:\n|\Z))+|- [^\n]*(?:\n|\Z)|\S+(?=[ \t]*(?:\r?\n|\Z))")

_QUOTE = re.compile(r"[bBrRuUfF]{0,2}(\\*)(\"\"\"|'''|[\"'`])")
_CLOSING = {quote: re.compile(rf"(\\*)({quote})") for quote in ('"""', "'''", '"', "'", "`")}
_CONTINUED = re.compile(r"[ \t]{0,8}\r?\n\s{1,100}(?=[bBrRuUfF]{0,2}[\"'])")
_OPENING = re.compile(r"(?:[A-Za-z_][\w.]{0,63})?[(\[{]|<(?=[\w.]{1,64}[: ])")
_BRACKET = re.compile(r"[()\[\]{}\"'`]")
_OPEN: Final = frozenset("([{")
_CLOSED: Final = frozenset(")]}")
# Of quotes or brackets that are searched for the end of one value.
_MAX_MARKS: Final = 64
# Of names in one text, and of values whose brackets are not closed: the rest is replaced.
_MAX_NAMES: Final = 256
_MAX_UNCLOSED: Final = 32
# The rest of a header, and an authentication scheme before its credentials.
_HEADER = re.compile(r"(?:cookie|authori[sz]ation)\Z")
_LINE = re.compile(r"[^\r\n]*")
_SCHEME = re.compile(r"(?:bearer|basic|digest|negotiate|token)[ \t]+(?=\S)", re.IGNORECASE)
_WORD = re.compile(r"[^\s&]+")
# Inside a word without blanks: the next item of a list, or the quote that ends the text around it.
_NEXT = re.compile(
    r"[,;|](?=\\*[\"']?[\w.-]{1,64}\\*[\"']?[=:])|\\*[\"'](?=[,:;)\]}>]|\Z)|<(?=/|br|\w+>)|&quot;"
)
_TRAILING: Final = "\"'`,;.)]}>\\"
_MIXED = re.compile(r"[0-9=]|[a-z][A-Z]")
_TAKEN_OUT: Final = frozenset({REDACTED, REDACTED_IN_URL, REDACTED.strip("[]")})


def without_named(text: str) -> str:
    """The text with the values replaced that follow the name of a credential."""
    lowered = text.lower()
    if len(lowered) != len(text):
        # One letter of Turkish becomes two. Positions must be the same in both.
        lowered = "".join(each.lower() if each.isascii() else each for each in text)
    parts: list[str] = []
    done = seen = unclosed = 0
    for match in _NAME.finditer(lowered):
        if match.start() < done:
            continue
        seen += 1
        if seen > _MAX_NAMES or unclosed > _MAX_UNCLOSED:
            parts += (text[done : match.start()], CUT)
            done = len(text)
            break
        found = _value(text, lowered, match.start(), match.end())
        if found is None:
            continue
        begin, end = found
        unclosed += text[begin] in _OPEN and text[end - 1] not in _CLOSED
        if text[begin:end].strip("bur\\\"'`[]") not in _TAKEN_OUT:
            parts += (text[done:begin], REDACTED)
            done = end
    if not parts:
        return text
    parts.append(text[done:])
    return "".join(parts)


def may_have_name(text: str) -> bool:
    """Whether a text may have the name of a credential or an authentication scheme."""
    lowered = text.lower()
    # A loop: a generator would take twice the time, for every text that is seen once.
    for word in _WORDS:  # noqa: SIM110
        if word in lowered:
            return True
    return False


def _value(text: str, lowered: str, start: int, end: int) -> tuple[int, int] | None:
    """Where the value of a name begins and ends; None if there is none."""
    separator = _SEPARATOR.match(lowered, end)
    if separator is None:
        return _value_in_markup(text, lowered, start, end)
    begin = separator.end()
    kind = separator.lastgroup
    if kind == "block":
        block = _INDENTED.match(text, begin)
        return (begin, block.end()) if block and block[0].strip() else None
    if kind == "form":
        stop = text.find("\n--", begin)
        return (begin, stop if stop >= 0 else len(text))
    enclosed = _end_of_value(text, begin, start)
    if enclosed is not None:
        stop = enclosed
    elif kind in {"listed", "called"}:
        return None
    else:
        stop = _end_of_plain(text, lowered, begin, start, end, separator[0])
        if kind == "said":
            # One word, for prose goes on: "the token is set, and ...".
            word = _WORD.match(text, begin, stop)
            stop = word.end() if word is not None else begin
            if not _MIXED.search(text, begin, stop):
                return None
    return (begin, stop) if stop > begin else None


def _value_in_markup(text: str, lowered: str, start: int, end: int) -> tuple[int, int] | None:
    """The value of an option of a command, or the content of an element of XML."""
    before = text[max(0, start - _LOOKBEHIND) : start]
    if _begins(_TAG_BEGIN, before, before.rfind("<") + 1):
        tag = _TAG_END.match(lowered, end)
        if tag is None or tag[0].endswith("/>"):
            return None
        stop = text.find("]]>" if tag[0].endswith("[") else "<", tag.end())
        stop = stop if stop >= 0 else len(text)
        return (tag.end(), stop) if stop > tag.end() else None
    blanks = _BLANKS.match(text, end)
    if blanks is None or not _is_option(before):
        return None
    begin = blanks.end()
    enclosed = _end_of_value(text, begin, start)
    if enclosed is not None:
        return begin, enclosed
    word = _WORD.match(text, begin)
    if word is None or word[0].startswith("-"):
        return None
    return begin, word.end()


def _begins(pattern: re.Pattern[str], before: str, start: int) -> bool:
    """Whether what is before a name, from ``start`` on, is what the pattern allows."""
    return start > 0 and pattern.fullmatch(before, start) is not None


def _is_option(before: str) -> bool:
    start = before.rfind("--")
    # Not the end of a word or of a line of marks.
    if start > 0 and (before[start - 1].isalnum() or before[start - 1] in "_-"):
        return False
    return start >= 0 and _OPTION_BEGIN.fullmatch(before, start) is not None


def _end_of_value(text: str, begin: int, name: int) -> int | None:
    """The end of a value in quotes or brackets; None if it is in neither."""
    quote = _QUOTE.match(text, begin)
    if quote is not None:
        end = _end_of_quoted(text, quote, name)
        for _ in range(_MAX_MARKS):
            # Python writes a long string as several, one below the other.
            following = _CONTINUED.match(text, end)
            quote = _QUOTE.match(text, following.end()) if following else None
            if quote is None:
                return end
            end = _end_of_quoted(text, quote, name)
        return end
    opening = _OPENING.match(text, begin)
    if opening is None:
        return None
    return _end_of_brackets(text, opening.end() - 1, name)


def _end_of_quoted(text: str, quote: re.Match[str], name: int) -> int:
    depth, mark = len(quote[1]), quote[2]
    at = quote.end()
    for closing in islice(_CLOSING[mark].finditer(text, at), _MAX_MARKS):
        if closing.start() < at:
            continue
        backslashes = len(closing[1])
        # In a string within a string, a quote has as many backslashes at its end as at its
        # beginning; more of them are in the value.
        if backslashes > depth if depth else backslashes % 2:
            continue
        end = closing.end()
        doubled = not depth and len(mark) == 1 and text.startswith(mark, end)
        # A doubled quote stands for one, in SQL, CSV and INI; without content it is empty.
        if doubled and (end > at + 1 or text[end + 1 : end + 2].isalnum()):
            at = end + 1
            continue
        return end
    return _end_of_unclosed(text, quote.end(), name)


def _end_of_brackets(text: str, begin: int, name: int) -> int:
    if text[begin] == "<":
        stop = text.find(">", begin)
        inner = _BRACKET.search(text, begin, stop if stop >= 0 else len(text))
        if inner is None or inner[0] not in _OPEN:
            return stop + 1 if stop >= 0 else _end_of_unclosed(text, begin, name)
        end = _end_of_brackets(text, inner.start(), name)
        return end + 1 if text.startswith(">", end) else end
    depth = 0
    at = begin
    for _ in range(_MAX_MARKS):
        found = _BRACKET.search(text, at)
        if found is None:
            break
        mark = found[0]
        at = found.end()
        if mark in _OPEN:
            depth += 1
        elif mark in {'"', "'", "`"}:
            quote = _QUOTE.match(text, found.start())
            if quote is not None:
                at = _end_of_quoted(text, quote, name)
        else:
            depth -= 1
            if depth <= 0:
                return at
    return _end_of_unclosed(text, begin, name)


def _end_of_unclosed(text: str, begin: int, name: int) -> int:
    """The end of the line, and of the lines that follow and are indented deeper.

    A line of source in a traceback may end within brackets, and text may have been truncated.
    """
    line = text[text.rfind("\n", 0, name) + 1 : name]
    indent = len(line) - len(line.lstrip())
    stop = text.find("\n", begin)
    while 0 <= stop < len(text):
        following = text[stop + 1 : stop + 1 + indent + 1]
        if len(following) <= indent or not following.isspace():
            return stop
        stop = text.find("\n", stop + 1)
    return len(text)


def _end_of_plain(text: str, lowered: str, begin: int, start: int, end: int, separator: str) -> int:
    """The end of a value without quotes and brackets around it."""
    if _HEADER.search(lowered, max(0, end - 16), end) or (
        separator[-1:].isspace() and _is_first_in_line(text, start)
    ):
        stop = _line_end(text, begin)
        return begin + len(text[begin:stop].rstrip(_TRAILING + " \t")) if stop > begin else begin
    scheme = _SCHEME.match(text, begin)
    word = _WORD.match(text, scheme.end() if scheme else begin)
    if word is None:
        return begin
    following = _NEXT.search(text, word.start(), word.end())
    stop = following.start() if following and following.start() > begin else word.end()
    value = text[begin:stop]
    shorter = value.rstrip(_TRAILING)
    # Only what closes the text around it; a value of such characters alone is none.
    return begin + len(shorter)


def _is_first_in_line(text: str, start: int) -> bool:
    begin = max(0, start - _LOOKBEHIND)
    line = text.rfind("\n", begin, start) + 1
    if not line and begin:
        return False
    return _LINE_BEGIN.fullmatch(text, line, start) is not None


def _line_end(text: str, begin: int) -> int:
    line = _LINE.match(text, begin)
    return line.end() if line else begin
