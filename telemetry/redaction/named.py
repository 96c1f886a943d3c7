"""Redacts values behind the name of a credential, in any text and in the common notations.

A scanner and no regular expression, which can't follow brackets and quotes: after a name it looks
for what separates it from a value, and then for the end of the value.
"""

from __future__ import annotations

import re
from heapq import merge
from itertools import islice
from typing import Final

from telemetry.redaction.bounds import CUT
from telemetry.registry.contents import CREDENTIAL_WORDS
from telemetry.registry.redaction import REDACTED, REDACTED_IN_URL

# Each name that `_NAME` matches, and each scheme, has one of these: "pass" is in "passw", and "sig"
# in "signature".
_WORDS: Final = (
    *("key", "auth", "token", "sess", "secret", "cookie", "pass", "pin", "sig", "sid", "pw"),
    *("srf", "jwt", "dsn", "otp", "cred", "bearer", "basic", "digest", "negotiate"),
    *("input_v", "kennw", "contras", "senha", "wachtw"),
)
# In other scripts.
_FOREIGN_WORDS: Final = ("пароль", "密码", "密碼", "パスワード", "비밀번호", "hasło", "lösenord")
# In small letters. Ends where the word ends. "tokens" are counted, unless they are a list or text;
# Pydantic quotes what was sent, behind "input_value".
_NAME = re.compile(
    rf"(?:{CREDENTIAL_WORDS}|tokens(?![\w-])|input_value"
    r"|[._-]key(?![\w.-])(?<=[a-z0-9].key)(?<!primary.key)(?<!foreign.key)"
    r"(?<!cache.key)(?<!sort.key)(?<!row.key)(?<!partition.key)(?<!routing.key)(?<!public.key)"
    r"(?<!group.key)(?<!object.key))[\w.-]*+"
)
# As the end of a camel's name, where small letters alone are part of other words: "dbPass".
_HUMP = re.compile(
    r"(?<=[a-z0-9])(?:Pass|Pw|Pin|Otp|Sid|Auth|Key(?<!rimaryKey)(?<!oreignKey)(?<!acheKey)"
    r"(?<!ortKey)(?<!owKey)(?<!artitionKey)(?<!outingKey)(?<!ublicKey)(?<!roupKey)(?<!bjectKey)"
    r"(?<!niqueKey))(?![\w.-])"
)
_MAY_BE_HUMP = re.compile(r"(?:Key|Pass|Pw|Pin|Otp|Sid|Auth)\b")
# Between a name and its value, in small letters: the end of a subscript, an assignment. Bounded, so
# that the time is linear.
_SEPARATOR = re.compile(
    # "secret key", "session id", and what a form's label has in brackets.
    r"(?: (?:key|id|value|hash|string)(?![\w-]))?+"
    r"(?P<quote>\\{0,7}[\"'`\u201d\u00bb\u2019\u201c])?+(?:\*{1,3}(?=[ \t:=]))?+[ \t\xa0]{0,64}+"
    r"(?:[\])]{1,3}+[ \t]{0,8}+)?+(?:\[\\{0,7}[\"']?[\w.-]{0,40}\\{0,7}[\"']?\][ \t]?){0,3}"
    r"(?:\([\w ]{1,24}\)[ \t]?(?=[:=]))?"
    r"(?:"
    # A name with its type: `password: str = "…"`.
    r":[ \t]{0,8}(?:str|bytes|int|any|object|string|secretstr|final"
    r"|(?:optional|option|final|annotated|union|list|dict|set|tuple|sequence|mapping|classvar)"
    r"[\[<][\w., |\[\]<>]{1,48})"
    r"(?: ?\| ?none)?[ \t]{0,8}=[ \t]{0,64}"
    # A block of YAML, or a prompt with the value in the next line.
    r"|(?P<block>:[ \t]{0,8}(?:[|>][+-]?[0-9]?[+-]?)?[ \t]{0,8}\r?\n(?:[ \t]{0,16}\r?\n){0,3})"
    r"|(?P<noted>:[ \t]{1,8}(?=\# [^\n]{0,200}\n[ \t]))"
    # The name as the content of one element, and the value as that of the next one.
    r"|(?P<element>(?(quote)(?!)):?[ \t]?</[\w:.-]{1,24}>[ \t]?[:=]?\s{0,16}"
    r"(?:<[^<>/][^<>]{0,120}>\s{0,16}){0,3})"
    r"|(?P<assigned>(?:=>|->|<-|::(?=[ \t])|[:+?|&!~^*%-]{0,2}={1,3}|[?!*]?:(?!//)"
    r"|[\uff1a\uff1d\u2254\u2190\u2192]|(?<=[ \t])(?:is|was)[ ]?:(?=[ \t]))"
    r"(?:\*{1,3}(?=[ \t]))?[ \t\xa0\u3000]{0,64}"
    r"(?:\\?\r?\n[ \t]{1,64}(?=[bru]?[\"']))?)"
    # `{name: password, value: …}`, and in the next line.
    r"|(?P<valued>(?:,|;|\r?\n)[ \t]{0,32}value[ \t]?[:=][ \t]{0,8})"
    # `("password", "…")`, `name="password" value="…"`, and a form of several parts.
    r"|(?(quote)(?:"
    r"(?:(?:(?<=[ \t])|[ \t,;]{1,8}+)\\{0,7}[\"']?[\w:-]{1,32}+\\{0,7}[\"']?[ \t]?[=:][ \t]?"
    r"\\{0,7}[\"'][^\"'<>]{0,64}[\"']){0,3}"
    r"(?:(?<=[ \t])|[\s,;]{1,8}+)\\{0,7}[\"']?(?:(?:string_?)?value|content|val|text|data|input)"
    r"\\{0,7}[\"']?[ \t]?[=:][ \t]?"
    r"|(?P<listed>,[ \t\n]{0,8})"
    r"|(?P<form>(?:;[^\r\n]{0,200})?\r?\n(?:[\w-]{1,40}:[^\r\n]{0,200}\r?\n){0,3}\r?\n)"
    r")|(?:"
    r"(?P<crumb>(?<=cookie[ \t])[\w.-]{1,64}=)"
    r"|(?P<part>(?<=[^\W\d])\r?\n(?:[\w-]{1,40}:[^\r\n]{0,200}\r?\n){0,3}\r?\n)"
    # `invalid token 'x'`, `PASSWORD 'x'`.
    r"|(?P<beside>(?<=[ \t])(?=[bru]?\\{0,7}[\"“„«]|[bru]?'(?!\w{1,2}\s)))"
    r"))"
    r"|(?P<body>(?<=[ \t])(?=\{))"
    r"|(?P<called>\()(?=[brunex$@]{0,2}[\"'])"
    r"|(?P<said>(?<=[ \t])(?:is|was|equals|set to|changed to|must not be)[ \t]{1,8})"
    r")"
)
_BLANKS = re.compile(r"[ \t]{1,64}")
_KEY_END = re.compile(r"[ \t]*[:=]")
_TAG_END = re.compile(r"[^<>]{0,200}>(?:<!\[cdata\[)?")
# What may stand before a name in its line, and before it in an option or a tag.
# Not possessive, with which `fullmatch` of Python 3.11 matches too much.
_LINE_BEGIN = re.compile(r"[ \t]{0,32}(?:- |export |set |;|#)?[\w.-]{0,48}")
_TAG_BEGIN = re.compile(r"[\w:.-]{0,48}")
_OPTION_BEGIN = re.compile(r"--[\w.-]{0,48}")
# One dash, and commands that set a variable. In small letters but for a Dockerfile's.
_SHORT_OPTION = re.compile(r"(?:\A|[\s'\"])-[a-z][\w.-]{0,48}\Z|(?:\A|[\s'\"])-\Z", re.IGNORECASE)
_COMMAND = re.compile(
    r"(?:(?:\A|[\s;&|(])(?:setenv|setx|set -\w{1,3}|login \S{1,64})|#define|(?:\A|\n)(?-i:ENV|ARG))"
    r"[ \t]+[\w.-]{0,48}\Z",
    re.IGNORECASE,
)
_COMMANDS: Final = ("set", "login ", "#define", "env", "arg")
# An attribute whose value is the name, in a tag with the value as its content.
_ATTRIBUTE_BEGIN = re.compile(
    r"<[\w:.-]{1,32}[ \t][^<>]{0,60}(?:key|name|field|id)\s?=\s?[\"'][\w.-]{0,48}\Z", re.IGNORECASE
)
_ATTRIBUTE_END = re.compile(r"[\"'][^<>]{0,200}(?<!/)>")
# A value in front of its name, or its type, in the same dictionary or tag.
_EARLIER = re.compile(
    r"(?:(?:value|content|val)[\"']?\s?[=:]\s?(?P<quote>[\"'])(?P<quoted>[^\"'<>{}]*)(?P=quote)"
    r"|(?<=\s)value=(?P<bare>[^\s\"'<>{}&,;=]++))"
    r"[^{}<>]{0,48}(?:name|key|id|field|type)[\"']?\s?[=:]\s?[\"']?\Z",
    re.IGNORECASE,
)
_LOOKBEHIND: Final = 100
_OTHER_TAG = re.compile(r"\s{0,64}<[a-zA-Z]")
_LONGEST_ELEMENT: Final = 2048
_INDENTED = re.compile(
    r"(?:[ \t]+[^\n]*(?:\n|\Z))+|(?:- [^\n]*(?:\n|\Z))+|\S+(?=[ \t]*(?:\r?\n|\Z))"
)

# Python's, C's, a shell's and C#'s, and those of SQL: `N'…'`, `U&'…'`, `_utf8mb4'…'`.
_PREFIX: Final = r"(?:[bBrRuUfFeEnNlLqQxX$@]{0,2}|[uU]&|_\w{1,16})"
_QUOTE = re.compile(rf"{_PREFIX}(\\*)(\"\"\"|'''|[\"'`])")
_CLOSING = {quote: re.compile(rf"(\\*)({quote})") for quote in ('"""', "'''", '"', "'", "`")}
# What may stand behind a string that has ended. Behind an even number of backslashes it is not
# certain that it has.
_BEHIND = re.compile(r"[ \t]*(?:[,:;)\]}>&|\r\n]|\Z)")
# Python writes a long string as several, one below the other; and what a value is joined with,
# or changed to.
_CONTINUED = re.compile(
    r"(?:[ \t]{0,8}\r?\n\s{1,100}|[ \t]{0,8}\\\r?\n[ \t]{0,64}"
    r"|[ \t]{0,8}(?:\+|%|->|=>|\|\||or\b)[ \t]{0,8}(?:\\?\r?\n[ \t]{0,64})?)"
    rf"(?={_PREFIX}[\"'])"
)
# A value in such quotes is found in the decoded text.
_ESCAPED_QUOTE = re.compile(r"\\+(?:x|u00)2[27]")
# Quotation marks whose end is another character than their beginning.
_PAIRS: Final = {"“": "”", "„": "“", "«": "»", "\u2018": "\u2019"}
_LONGEST_PAIR: Final = 2048
_OPENING = re.compile(r"(?:[A-Za-z_][\w.]{0,63})?[(\[{]|<(?=[\w.]{1,64}[: ])")
_BRACKET = re.compile(r"[()\[\]{}\"'`]")
_OPEN: Final = frozenset("([{")
_CLOSED: Final = frozenset(")]}")
# Of quotes or brackets that are searched for the end of one string or bracket, of those that are
# searched for one value alone, and for all values of a text: one may have many strings in it.
_MAX_MARKS: Final = 64
_MAX_MARKS_OF_ONE: Final = 512
_MAX_MARKS_OF_ALL: Final = 1024
# Of names in one text, and of values whose brackets are not closed: the rest is replaced.
_MAX_NAMES: Final = 112
_MAX_UNCLOSED: Final = 32
# The rest of a header, and an authentication scheme before its credentials.
_HEADER = re.compile(r"(?:cookie|authori[sz]ation)\Z")
_LINE = re.compile(r"[^\r\n]*")
_SCHEME = re.compile(r"(?:bearer|basic|digest|negotiate|token)[ \t]+(?=\S)", re.IGNORECASE)
_WORD = re.compile(r"[^\s&]+")
_ENCLOSED = re.compile(r"[bru]?\\{0,7}[\"'\[({]|[A-Za-z_]\w*[\[({]")
# A word up to the next item of a list, or to the quote that ends the text around it. One
# expression: a word may be as long as the text, and have many names.
_ITEM = re.compile(
    r"[^\s&](?:[^\s&,;|\\\"'<]++"
    r"|[,;|](?!\\*[\"']?[\w.-]{1,64}+\\*[\"']?[=:])"
    r"|\\++(?![\"'](?:[,:;)\]}>]|\Z))|(?<!\\)[\"'](?![,:;)\]}>]|\Z)|(?<=\\)[\"']"
    r"|<(?!/|br|\w{1,64}>))*+"
)
# From the quote that begins an item, such as an argument, to the name in it, and what is behind its
# value.
_ITEM_BEGIN = re.compile(
    r"(?:\A|[\s\[({,:=])[bBuUrRfF]{0,2}(?P<quote>\\{0,7}[\"'])-{0,2}[\w.-]{0,48}\Z"
)
_NEXT_ITEM = re.compile(r"&|[\s,;]{1,8}-{0,2}[\w.-]{1,64}=")
_TRAILING: Final = "\"'`,;.)]}>\\"
_MIXED = re.compile(r"[0-9=]|[a-z][A-Z]")
_TAKEN_OUT: Final = frozenset({REDACTED, REDACTED_IN_URL, REDACTED.strip("[]")})


class _Marks:
    """Counts the quotes and brackets that may still be searched."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left


def without_named(text: str) -> str:
    """The text with the values replaced that follow the name of a credential."""
    lowered = text.lower()
    if len(lowered) != len(text):
        # One letter of Turkish becomes two. Positions must be the same in both.
        lowered = "".join(each.lower() if each.isascii() else each for each in text)
    parts: list[str] = []
    done = seen = unclosed = 0
    marks = _Marks(_MAX_MARKS_OF_ALL)
    names = _NAME.finditer(lowered)
    if _MAY_BE_HUMP.search(text):
        names = merge(names, _HUMP.finditer(text), key=_start)
    for match in names:
        if match.start() < done:
            continue
        seen += 1
        if seen > _MAX_NAMES or unclosed > _MAX_UNCLOSED or marks.left <= 0:
            parts += (text[done : match.start()], CUT)
            done = len(text)
            break
        found = _value(text, lowered, match.start(), match.end(), marks)
        if found is None:
            continue
        begin, end = found
        # A value in front of its name may be replaced already, and one may be empty.
        if begin < done or begin >= end:
            continue
        if match[0] == "tokens" and not _ENCLOSED.match(text, begin):
            continue
        unclosed += text[begin] in _OPEN and text[end - 1] not in _CLOSED
        if text[begin:end].strip("bur\\\"'`[]") not in _TAKEN_OUT:
            parts += (text[done:begin], REDACTED)
            done = end
    if not parts:
        return text
    parts.append(text[done:])
    return "".join(parts)


def content_of_string(text: str, begin: int) -> tuple[int, int] | None:
    """Where the content of the string that begins there begins and ends; None if none does.

    Without an end, it ends with its line.
    """
    quote = _QUOTE.match(text, begin)
    if quote is None:
        return None
    end = _end_of_quoted(text, quote, begin, _Marks(_MAX_MARKS_OF_ONE))
    closing = f"{quote[1]}{quote[2]}"
    return quote.end(), end - len(closing) if text.endswith(closing, quote.end(), end) else end


def end_of_brackets(text: str, begin: int) -> int:
    """The end of the brackets that begin there, or of its line if they have no end."""
    return _end_of_brackets(text, begin, begin, _Marks(_MAX_MARKS_OF_ONE))


def may_have_name(lowered: str) -> bool:
    """Whether a text in small letters may have the name of a credential or a scheme."""
    # A loop: a generator would take twice the time, for every text that is seen once.
    for word in _WORDS:
        if word in lowered:
            return True
    return not lowered.isascii() and any(word in lowered for word in _FOREIGN_WORDS)


def _start(match: re.Match[str]) -> int:
    return match.start()


def _value(text: str, lowered: str, start: int, end: int, marks: _Marks) -> tuple[int, int] | None:
    """Where the value of a name begins and ends; None if there is none."""
    separator = _SEPARATOR.match(lowered, end)
    if separator is None:
        return _value_in_markup(text, lowered, start, end, marks)
    begin = separator.end()
    kind = separator.lastgroup
    if kind == "block":
        block = _INDENTED.match(text, begin)
        return (begin, block.end()) if block and block[0].strip() else None
    if kind in {"form", "part"}:
        stop = text.find("\n--", begin)
        return (begin, stop if stop >= 0 else len(text))
    if kind == "noted":
        return (begin, _end_of_unclosed(text, begin, start))
    if kind == "called":
        # All of the arguments, without their brackets.
        stop = _end_of_brackets(text, begin - 1, start, marks)
        return (begin, stop - text.startswith(")", stop - 1))
    if kind == "element":
        stop = text.find("<", begin)
        stop = stop if stop >= 0 else _line_end(text, begin)
        return (begin, stop) if stop > begin else None
    if _ESCAPED_QUOTE.match(text, begin):
        return None
    enclosed = _end_of_value(text, begin, start, marks)
    if enclosed is not None:
        if kind == "listed" and _KEY_END.match(text, enclosed):
            # The next key of a dictionary.
            return None
        stop = enclosed
    elif kind in {"listed", "beside", "body"}:
        return None
    else:
        stop = _end_of_plain(text, lowered, begin, start, end, separator[0])
        if separator[0] == "=":
            stop = max(stop, _end_of_item(text, begin, start, marks))
        if kind == "said":
            # One word, for prose goes on: "the token is set, and ...".
            word = _WORD.match(text, begin, stop)
            stop = word.end() if word is not None else begin
            if not _MIXED.search(text, begin, stop):
                return None
    return (begin, stop) if stop > begin else None


def _value_in_markup(
    text: str, lowered: str, start: int, end: int, marks: _Marks
) -> tuple[int, int] | None:
    """The value of an option of a command, or the content of an element of XML."""
    before = text[max(0, start - _LOOKBEHIND) : start]
    if _begins(_TAG_BEGIN, before, before.rfind("<") + 1):
        tag = _TAG_END.match(lowered, end)
        if tag is None or tag[0].endswith("/>"):
            return None
        # An element within it, or its own end.
        mark = "]]>" if tag[0].endswith("[") else "<"
        if mark == "<" and _OTHER_TAG.match(text, tag.end()):
            mark = f"</{before[before.rfind('<') + 1 :].lower()}{lowered[start:end]}"
            stop = lowered.find(mark, tag.end(), tag.end() + _LONGEST_ELEMENT)
        else:
            stop = text.find(mark, tag.end())
        stop = stop if stop >= 0 else len(text)
        return (tag.end(), stop) if stop > tag.end() else None
    earlier = _EARLIER.search(before) if text[start - 1 : start] in {"'", '"', "="} else None
    attribute = _ATTRIBUTE_END.match(text, end)
    if attribute is not None and _ATTRIBUTE_BEGIN.search(before):
        stop = text.find("<", attribute.end())
        stop = stop if stop >= 0 else len(text)
        # What is behind a tag without an end, such as `<input>`, is no content of it.
        tag_name = before.rpartition("<")[2].split(maxsplit=1)[0]
        if earlier is None or text.startswith(f"</{tag_name}", stop):
            begin = attribute.end() if earlier is None else start - len(before) + earlier.start()
            return (begin, stop) if stop > attribute.end() else None
    if earlier is not None:
        first, last = earlier.span("bare" if earlier["bare"] else "quoted")
        moved = start - len(before)
        return (moved + first, moved + last) if last > first else None
    blanks = _BLANKS.match(text, end)
    if blanks is None or not _is_option(before):
        return None
    begin = blanks.end()
    if _ESCAPED_QUOTE.match(text, begin):
        return None
    enclosed = _end_of_value(text, begin, start, marks)
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
    inside = start > 0 and (before[start - 1].isalnum() or before[start - 1] in "_-")
    if start >= 0 and not inside and _OPTION_BEGIN.fullmatch(before, start):
        return True
    if "-" in before and _SHORT_OPTION.search(before):
        return True
    lowered = before.lower()
    return any(word in lowered for word in _COMMANDS) and _COMMAND.search(before) is not None


def _end_of_value(text: str, begin: int, name: int, marks: _Marks) -> int | None:
    """The end of a value in quotes or brackets; None if it is in neither."""
    closing = _PAIRS.get(text[begin : begin + 1])
    if closing is not None:
        stop = text.find(closing, begin + 1, begin + _LONGEST_PAIR)
        return stop + 1 if stop >= 0 else _end_of_unclosed(text, begin, name)
    quote = _QUOTE.match(text, begin)
    if quote is not None:
        end = _end_of_quoted(text, quote, name, marks)
        for _ in range(_MAX_MARKS):
            following = _CONTINUED.match(text, end)
            quote = _QUOTE.match(text, following.end()) if following else None
            if quote is None:
                return end
            end = _end_of_quoted(text, quote, name, marks)
        return _end_of_unclosed(text, end, name)
    opening = _OPENING.match(text, begin)
    if opening is None:
        return None
    return _end_of_brackets(text, opening.end() - 1, name, marks)


def _end_of_quoted(text: str, quote: re.Match[str], name: int, marks: _Marks) -> int:
    depth, mark = len(quote[1]), quote[2]
    at = quote.end()
    for closing in islice(_CLOSING[mark].finditer(text, at), min(_MAX_MARKS, max(0, marks.left))):
        marks.left -= 1
        if closing.start() < at:
            continue
        backslashes = len(closing[1])
        # In a string within a string, a quote has as many backslashes at its end as at its
        # beginning; more of them are in the value.
        if backslashes > depth if depth else backslashes % 2:
            continue
        end = closing.end()
        if backslashes and not depth and not _BEHIND.match(text, end):
            continue
        doubled = not depth and len(mark) == 1 and text.startswith(mark, end)
        # A doubled quote stands for one, in SQL, CSV and INI; without content it is empty.
        if doubled and (end > at + 1 or text[end + 1 : end + 2].isalnum()):
            at = end + 1
            continue
        return end
    return _end_of_unclosed(text, quote.end(), name)


def _end_of_brackets(text: str, begin: int, name: int, marks: _Marks) -> int:
    if text[begin] == "<":
        stop = text.find(">", begin)
        inner = _BRACKET.search(text, begin, stop if stop >= 0 else len(text))
        if inner is None or inner[0] not in _OPEN:
            return stop + 1 if stop >= 0 else _end_of_unclosed(text, begin, name)
        end = _end_of_brackets(text, inner.start(), name, marks)
        return end + 1 if text.startswith(">", end) else end
    depth = 0
    at = begin
    for _ in range(_MAX_MARKS):
        found = _BRACKET.search(text, at)
        if found is None or marks.left <= 0:
            break
        marks.left -= 1
        mark = found[0]
        at = found.end()
        if mark in _OPEN:
            depth += 1
        elif mark in {'"', "'", "`"}:
            quote = _QUOTE.match(text, found.start())
            if quote is not None:
                at = _end_of_quoted(text, quote, name, marks)
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
        if not _HEADER.search(lowered, max(0, end - 16), end):
            # A configuration's value goes on in lines that are indented deeper.
            stop = max(stop, _end_of_unclosed(text, begin, start))
        return begin + len(text[begin:stop].rstrip(_TRAILING + " \t")) if stop > begin else begin
    scheme = _SCHEME.match(text, begin)
    word = _ITEM.match(text, scheme.end() if scheme else begin)
    if word is None:
        return begin
    value = text[begin : word.end()]
    shorter = value.rstrip(_TRAILING)
    # Only what closes the text around it; a value of such characters alone is none.
    return begin + len(shorter)


def _end_of_item(text: str, begin: int, name: int, marks: _Marks) -> int:
    """The end of a value whose name begins a string: `'--password=a b'`; 0 if it does not."""
    before = text[max(0, name - _LOOKBEHIND) : name]
    item = _ITEM_BEGIN.search(before)
    quote = _QUOTE.match(text, name - len(before) + item.start("quote")) if item else None
    if quote is None:
        return 0
    stop = _end_of_quoted(text, quote, name, marks)
    if text.endswith(f"{quote[1]}{quote[2]}", begin, stop):
        stop -= len(quote[1]) + len(quote[2])
    following = _NEXT_ITEM.search(text, begin, stop)
    return following.start() if following else stop


def _is_first_in_line(text: str, start: int) -> bool:
    begin = max(0, start - _LOOKBEHIND)
    line = text.rfind("\n", begin, start) + 1
    if not line and begin:
        return False
    return _LINE_BEGIN.fullmatch(text, line, start) is not None


def _line_end(text: str, begin: int) -> int:
    line = _LINE.match(text, begin)
    return line.end() if line else begin
