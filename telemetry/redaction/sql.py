"""Redacts SQL: literals and comments are removed, names and structure stay.

Follows SQLite's rules (https://www.sqlite.org/lang_expr.html, "Literal Values")
and uses no library: clients send invalid statements, and sqlparse and sqlglot
keep an unterminated string, or one in double quotes (decision 0010).
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from telemetry.redaction.bounds import CUT, MAX_MATCHES, bounded
from telemetry.redaction.named import content_of_string, end_of_brackets

if TYPE_CHECKING:
    from collections.abc import Iterator

# SQLite's tokens (https://sqlite.org/src/file/src/tokenize.c) that may hold a value. An
# unterminated string, name or comment, also one that was truncated, extends to the end.
_TOKEN = re.compile(
    r"(?P<comment>--[^\n]*+|/\*.*?(?:\*/|\Z))"
    # Most characters begin none of the others.
    r"|(?=['\"`\[$]|[xXeE]')(?:"
    # PostgreSQL's strings with escapes, and between dollars.
    r"(?P<escaped>(?<![\w$])[eE]'(?:[^'\\]++|\\.|'')*+(?:'|\Z))"
    r"|(?P<dollars>(?<![\w$])\$(?P<tag>(?:[^\W\d]\w{0,62})?)\$(?:.*?\$(?P=tag)\$|.*\Z))"
    r"|(?P<literal>(?:(?<![\w$])[xX])?'[^']*+(?:''[^']*+)*+(?:'|\Z))"
    r"|(?P<quoted>\"[^\"]*+(?:\"\"[^\"]*+)*+\")"
    r"|(?P<name>`[^`]*+(?:``[^`]*+)*+`|\[[^\]]*+\])"
    r"|(?P<rest>[\"`\[].*+))"
    # `$name::suffix(text)` is a parameter.
    r"|(?P<parameter>[:@$?#](?<![\w$].)[\w$]++(?:::[\w$]*+)*+(?:\([^\s)]*+\)?)?)"
    r"|(?=[0-9]|\.[0-9])(?:(?<![\w$])"
    r"(?P<number>0[xX][0-9a-fA-F_]++|(?:[0-9][0-9_]*+\.?[0-9_]*+|\.[0-9][0-9_]*+)(?:[eE][+-]?[0-9]++)?)[\w$]*+"
    # In a name as well: nine digits or more may be the number of an account.
    r"|(?P<digits>[0-9]{9,}+))",
    re.DOTALL,
)
# SQLite reads double quotes as a name, or as a string if no column has that name
# (https://www.sqlite.org/quirks.html#dblquote). It is a name where only a name is allowed.
_BEFORE_A_NAME = re.compile(
    r"(?:(?<![\w$])(?:(?P<source>from)|join|into|update|table|index|view|as)"
    r"|(?<![\w$.])[^\W\d][\w$]*+\s*+\.)\s*+\Z",
    re.IGNORECASE,
)
_BEHIND_A_NAME = re.compile(r"\s*+\.\s*+\Z")
# Not a number that begins with a point.
_BEFORE_A_COLUMN = re.compile(r"\s*+\.\s*+[^\W\d]|\s*+\.\s*+[\"`\[*]")
_LOOKBEHIND = 64
_MAX_ESCAPED: Final = 64
_DIGITS = re.compile(r"[0-9]{9,}+")
# A parameter of digits only may be a value. SQLite's own have five at most.
_MAX_PARAMETER = 6
# Here and below, what may not stand before an expression is looked at behind its first character:
# see `telemetry.redaction.tokens`.
_LIST = re.compile(r"([iI](?<!\w.)[nN])\s*+\(\s*+\?(?:\s*+,\s*+\?)++\s*+\)")
# The text before and after a quotation of a statement or a search in SQLite's messages.
_NO_ARGUMENTS = frozenset({"", "None", "()", "[]", "?"})
_QUOTED = (
    ('near "', '": syntax error'),
    ('syntax error near "', '"'),
    ("JSON path error near '", "'"),
    ("bad JSON path: '", "'"),
    ('no such column: "', '" - should'),
    ("malformed MATCH expression: [", "]"),
    ("unknown special query: ", "\n"),
    # Python's, dateutil's and Django's.
    ("unconverted data remains: ", "\n"),
    ("unknown encoding: ", "\n"),
    ("time zone found with key ", "\n"),
    (" paths, got: ", "\n"),
    ("Unknown string format: ", "\n"),
    ("Select a valid choice. ", " is not one of the available choices"),
    ("to use near '", "' at line"),
)
# Django's word for a value that it does not quote.
_NO_CHOICE: Final = "That choice"
# What Django logs of each statement (django.db.backends), and what SQLAlchemy adds to its errors.
# The statement ends at the last of these: it may have them in a literal.
_LOGGED = re.compile(
    r"(?P<time>\(\d{1,9}\.\d{1,9}\) )?(?P<sql>.*)(?P<name>; args=|; \(params )(?P<args>.*?)"
    r"(?P<alias>; alias=[\w-]{1,64})?(?P<rest>\)?)\Z",
    re.DOTALL,
)
# Quotations of values in the messages of PostgreSQL and MySQL.
_REST_OF_LINE = re.compile(
    r"(?P<row>Failing row contains \(|existing key \([^()\n]{1,200}\)=\()[^\n]*+"
    r"|(?P<line>[LSQCDPp](?<![^\n].)(?:(?<=L)INE \d{1,6}: |(?<=S)TATEMENT: |(?<=Q)UERY: "
    r"|(?<=C)ONTEXT: +(?:COPY|JSON data|unnamed portal)"
    r"|(?:(?<=D)ETAIL: +[Pp]|(?<=[Pp]))arameters: (?= ?\$1)))[^\n]*+"
)
# What is in front of a value that can't be converted in messages of databases, Python and Django,
# and a word that each of them has. A few of them have it behind the value.
_BEFORE_A_VALUE: Final = (
    (
        "alue",
        (
            r"invalid input value for enum [\w.\"]{1,64}: |value out of range: |Truncated value: "
            r"|[Ii]ncorrect [\w ]{1,24} value: |varchar value |integer value as "
            r"|[Ii]nvalid (?:[\w-]{1,24} ){0,2}value:? "
            r"|[Ii]nvalid value for [\w ]{0,16}[\"'][\w. -]{1,64}[\"']: "
        ),
    ),
    ("iteral", r"(?:array|record|range) literal: |with base [0-9]{1,2}: |literal for Fraction: "),
    (
        "alid ",
        (
            r"[Ii]nvalid (?:input syntax for (?:type )?[\w ]{1,48}: |port number: |choice: "
            r"|connection option |percent-encoded token: |isoformat string: |header name "
            r"|date value or format |date string |URI query parameter: )|netloc "
        ),
    ),
    ("loat: ", r"to float: "),
    (":  ", r"DETAIL:  Token "),
    ("time ", r"time data "),
    (" got ", r"a number but got "),
    ("type: ", r"url type: "),
    ("port: ", r"nonnumeric port: "),
    (
        " in ",
        (
            r"(?:permitted|octets|host|expected|[/:]\\{0,7}') in |missing \"=\" after "
            r"|spaces found in |in URI[^\n\"]{0,32}(?:\"[^\n\"]{1,16}\"[^\n\"]{0,16}){0,3}: "
        ),
    ),
    (" instance", r"Cannot (?:query|assign) |instance with \w{1,64} "),
    ("IPv", r"IPv6 address: "),
    ("host name", r"translate host name "),
    ("control char", r"control characters\. "),
)
# Up to the last quotation mark of the line, or of those with what these messages have behind them.
_UNCONVERTED: Final = tuple(
    (
        word,
        re.compile(
            rf"({before})([\[({{]{{0,2}}[bB]?)(?:(\\{{0,7}}[\"'])(?:[^\n]*\3(?="
            r" does not match format | for (?:connection option|column) | \(choose from |: Must be "
            r"|: \"| is not a valid )|[^\n]*\3|[^\n]*)"
            r"|“(?:[^\n]*”(?= given )|[^\n]*”|[^\n]*))"
        ),
    )
    for word, before in _BEFORE_A_VALUE
)
# What is behind such a value. Not what is said of code.
_BEHIND_A_VALUE = re.compile(
    r"[\"'”] (?:is (?:not (?:a valid (?!tag |argument |field |regular |Python )|in list|an IPv4)"
    r"|out of range|neither an IPv4)|value (?:must be |has (?:an invalid|the correct) )"
    r"|does not appear to be |not recognized)"
)
# Statements in a message: behind a name, and as they are. In small letters, only what no sentence
# has.
_NAMED = re.compile(
    r"[sSqQ](?<![\w-].)(?:(?<=[sS])(?i:ql|tatement)|(?<=[qQ])(?i:uery))"
    r"\\{0,7}[\"']?\s{0,4}[=:]\s{0,4}"
    r"(?:[bruBRU]?(?=\\{0,7}[\"']))?(?=\\{0,7}[\"']?\s{0,64}"
    r"(?i:(?:select|with|insert|update|delete|replace|values|merge|explain|pragma|attach|vacuum"
    r"|exec|execute)\b|call\s[\w.]{1,64}\())"
)
_PARAMETERS = re.compile(
    r"(?:[pP](?<![\w-].)(?i:aram(?:eter)?s)|[bB](?<![\w-].)(?i:indings)|[aA](?<![\w-].)(?i:rgs))"
    r"\\{0,7}[\"']?\s{0,4}[=:]\s{0,4}(?=[\[({])"
)
_STATEMENT = re.compile(
    r"[ACDEIMPRSUVdisu](?<!\w.)(?:(?P<query>(?<=S)ELECT|(?<=s)elect)\s"
    r"|(?<=I)NSERT\s(?:OR\s\w{1,16}\s)?INTO\s|(?<=[RM])E(?:PLACE|RGE)\sINTO\s|(?<=D)ELETE\sFROM\s"
    r"|(?<=U)PDATE\s(?:OR\s\w{1,16}\s)?[\w\".`\[\]]{1,64}\sSET\s"
    r"|(?<=V)A(?:LUES\s?\(|CUUM\sINTO\s)|(?<=A)TTACH\s(?:DATABASE\s|['\"])"
    r"|(?<=P)RAGMA\s[\w.\"]{1,64}\s?[=(]|(?<=C)ALL\s[\w.\"`\[\]]{1,64}\("
    r"|(?<=E)XEC(?:UTE)?\s[\w.\"`\[\]]{1,64}\s?(?:[(@']|N')"
    r"|(?<=S)ET\s(?:LOCAL\s|SESSION\s)?[\w.@]{1,64}\s?(?:=|TO)\s?'"
    r"|(?<=i)nsert\s(?:or\s\w{1,16}\s)?into\s\S{1,64}\s?(?:\(|values)"
    r"|(?<=d)elete\sfrom\s\S{1,64}\swhere\s|(?<=u)pdate\s\S{1,64}\sset\s\S{1,64}\s?=)"
)
# Each name and each statement has one of these.
_WORDS: Final = ("select", "insert", "update", "delete", "sql", "query", "statement")
_CAPITALS: Final = (" INTO ", "VALUES", "ATTACH", "PRAGMA", "CALL ", "EXEC", "SET ")
_LONGEST_COLUMNS: Final = 400
# What SELECT has where it needs no FROM: a literal, a call, a parameter, a list.
_EXPRESSION = re.compile(
    r"\s{0,64}(?:(?:DISTINCT|ALL|NOT)\s{1,8})?(?:[(*'\"`\[?:@$]|[-+.]?[0-9]|[bBeEnNxX]'|CASE\s"
    r"|[A-Za-z_][\w.]{0,63}(?:\s?[(,=<>|+*/]|\s['\"]|\sAS\s))"
)
_WHERE = re.compile(r"from\s\S{1,64}\s(?:where|join|order|group|limit)\s")
_MAX_STATEMENTS: Final = 24
_LINES_OF_STATEMENT = re.compile(
    r"[^\n]*+(?:\n(?:[ \t]++(?!File \"|at )|(?:FROM|WHERE|AND|OR|ORDER|GROUP|LIMIT|LEFT|INNER"
    r"|JOIN|VALUES|SET|HAVING|UNION|ON)\b)[^\n]*+)*+"
)
_STRING_END = re.compile(r"\\*[\"']{1,3}(?:[\s,:;.)\]}>&|\\]|\Z)")
# The text before and after them. A message has one, which ends at the last of these.
_VALUES = (
    (")=(", ") already exists"),
    (")=(", ") is not present"),
    (")=(", ") is still referenced"),
    (")=(", ") conflicts with"),
    ("Duplicate entry '", "' for key"),
)
# Quotes the rest of the statement, with line breaks and quotes: ends at the last quote.
_REST = 'unrecognized token: "'


_PARAMETER_NUMBER = re.compile(r"([:@$]\w*?)[0-9]++\b")
_ZEROS = bytes.maketrans(b"123456789", b"000000000")
LONGEST_STATEMENT: Final = 4096
"""Characters. Datasette cuts to less; longer ones are looked through anew each time."""

MAX_STATEMENT: Final = 256
TRUNCATED: Final = "…[truncated]"
"""The end of a statement that Datasette has cut, to 2,048 characters."""
DIGEST: Final = 8
"""Number of hexadecimal digits."""


def without_parameter_numbers(text: str) -> str:
    """The text with ``0`` for the number that ends the name of a parameter.

    Datasette numbers parameters of its statements about permissions anew in each request.
    """
    if len(text) > LONGEST_STATEMENT or not text.isascii():
        return _PARAMETER_NUMBER.sub(r"\g<1>0", text)
    # Searched once for all statements that differ in digits only.
    places = _parameter_numbers(text.encode().translate(_ZEROS))
    if not places:
        return text
    parts, end = [], 0
    for start, after in places:
        parts.append(text[end:start])
        end = after
    parts.append(text[end:])
    return "0".join(parts)


@lru_cache(256)
def _parameter_numbers(text: bytes) -> tuple[tuple[int, int], ...]:
    found = _PARAMETER_NUMBER.finditer(text.decode())
    return tuple([(each.end(1), each.end()) for each in found])


def cut_statement(text: str) -> str:
    """A redacted statement in one line, of at most `MAX_STATEMENT` characters.

    A longer one ends with ``…`` and eight digits of its hash, so that two statements with the same
    beginning are two. It has no numbers of parameters.
    """
    line = " ".join(text.split())
    if len(line) <= MAX_STATEMENT:
        return line
    line = without_parameter_numbers(line)
    digest = hashlib.sha256(line.encode("utf-8", "replace")).hexdigest()[:DIGEST]
    return f"{line[: MAX_STATEMENT - DIGEST - 1]}…{digest}"


def without_literals(statement: str) -> str:
    """The statement with ``?`` for each literal and each list of literals, without comments."""
    found = bounded(_TOKEN, _Statement(), statement)
    return bounded(_LIST, _shortened_list, found) if "?" in found else found


def without_logged_statements(text: str) -> str:
    """A text with the statements and parameters that database libraries log redacted."""
    if "; args=" in text or "; (params " in text:
        logged = _LOGGED.match(text)
        if logged is not None:
            statement = without_literals(logged["sql"])
            arguments = logged["args"] if logged["args"] in _NO_ARGUMENTS else "?"
            text = (
                f"{logged['time'] or ''}{statement}{logged['name']}{arguments}"
                f"{logged['alias'] or ''}{logged['rest']}"
            )
    return _without_sqlalchemys(text) if "[SQL: " in text else text


def without_statements(text: str) -> str:
    """A text with the statements in it redacted, and their parameters."""
    parts: list[str] = []
    at = 0
    named, bare = _NAMED.search(text), _next_statement(text, 0)
    for _ in range(_MAX_STATEMENTS):
        if named is not None and named.end() < at:
            named = _NAMED.search(text, at)
        if bare is not None and bare.start() < at:
            bare = _next_statement(text, at)
        if named is not None and (bare is None or named.end() <= bare.start()):
            start = named.end()
            content = content_of_string(text, start)
            inner, stop = content or (start, _end_of_statement(text, start))
        elif bare is not None:
            start = inner = bare.start()
            stop = _end_of_statement(text, start)
        else:
            break
        parts += (text[at:inner], without_literals(text[inner:stop]))
        at = stop
    else:
        return f"{''.join(parts)}{CUT}"
    if not parts:
        return text
    parts.append(text[at:])
    text = "".join(parts)
    return "".join(_without_parameters(text))


def _has_one(words: tuple[str, ...], text: str) -> bool:
    for word in words:  # noqa: SIM110 # a generator takes twice the time, for every new text
        if word in text:
            return True
    return False


def _next_statement(text: str, at: int) -> re.Match[str] | None:
    for found in _STATEMENT.finditer(text, at):
        keyword = found["query"]
        if keyword is None:
            return found
        if keyword == "ELECT" and _EXPRESSION.match(text, found.end()):
            return found
        source = "FROM" if keyword == "ELECT" else "from"
        start = text.find(source, found.end(), found.end() + _LONGEST_COLUMNS)
        # In small letters, a sentence may have both words.
        if start >= 0 and (source == "FROM" or _WHERE.match(text, start)):
            return found
    return None


def _without_parameters(text: str) -> Iterator[str]:
    at = 0
    for _ in range(_MAX_STATEMENTS):
        found = _PARAMETERS.search(text, at)
        if found is None:
            break
        yield f"{text[at : found.end()]}?"
        at = end_of_brackets(text, found.end())
    else:
        yield CUT
        return
    yield text[at:]


def _end_of_statement(text: str, start: int) -> int:
    """The end of the string that a statement is in, or of its lines."""
    before = text[max(0, start - _LOOKBEHIND) : start].rstrip()
    quote = before[-1:]
    if quote in {'"', "'"}:
        mark = before[-3:] if before[-3:] == quote * 3 else quote
        opening = start - (min(start, _LOOKBEHIND) - len(before)) - len(mark)
        while opening and text[opening - 1] == "\\":
            opening -= 1
        content = content_of_string(text, opening)
        if content is None:
            return len(text)
        # The quote of a literal does not end the string around the statement.
        if content[1] > start and _STRING_END.match(text, content[1]):
            return content[1]
    lines = _LINES_OF_STATEMENT.match(text, start)
    stop = lines.end() if lines else len(text)
    if text.count("'", start, stop) % 2:
        # A literal goes on in the next line.
        end = text.find("'", stop)
        stop = text.find("\n", end) if end >= 0 else -1
    return stop if stop >= 0 else len(text)


def _without_sqlalchemys(text: str) -> str:
    # One statement, up to the end of a line with a bracket, and its parameters in the next lines.
    before, begin, rest = text.partition("[SQL: ")
    statement, end, rest = rest.partition("]\n")
    if not end:
        return f"{before}{begin}{without_literals(statement.removesuffix(']'))}]"
    if rest.startswith("[parameters: "):
        _, _, rest = rest.rpartition("]")
        end = "]\n[parameters: ?]"
    return f"{before}{begin}{without_literals(statement)}{end}{rest}"


def without_quotations(message: str, lowered: str | None = None) -> str:
    """A text with the quotations of statements and values in databases' messages replaced.

    ``lowered`` is the text in small letters, if it is at hand.
    """
    lowered = message.lower() if lowered is None else lowered
    if "; " in message or "[SQL: " in message:
        message = without_logged_statements(message)
    if _has_one(_WORDS, lowered) or _has_one(_CAPITALS, message):
        message = without_statements(message)
    quoted = "'" in message or '"' in message or "”" in message
    if quoted:
        message = _without_unconverted(message)
    if ":  " in message or "LINE " in message or "row contains" in message:
        message = bounded(_REST_OF_LINE, _without_rest, message)
    if ") " in message or "entry '" in message:
        message = _without_values(message)
    if (
        ": " in message
        or (quoted and "near " in message)
        or " choice. " in message
        or "zone found" in message
    ):
        for begin, end in _QUOTED:
            if begin in message:
                message = "".join(_without_each(message, begin, end))
    start = message.find(_REST)
    if start < 0:
        return message
    start += len(_REST)
    stop = message.rfind('"', start)
    return f"{message[:start]}?{message[stop:] if stop >= 0 else ''}"


def _without_values(message: str) -> str:
    for begin, end in _VALUES:
        stop = message.rfind(end)
        start = message.find(begin) + len(begin)
        if stop >= start >= len(begin):
            message = f"{message[:start]}?{message[stop:]}"
    return message


def _shortened_list(match: re.Match[str]) -> str:
    return f"{match[1]} (?)"


def _without_unconverted(message: str) -> str:
    found = False
    for word, unconverted in _UNCONVERTED:
        if word in message:
            found = True
            message = bounded(unconverted, _without_quoted, message)
    return "".join(_without_earlier(message)) if found else message


def _without_quoted(match: re.Match[str]) -> str:
    before, opening, quote = match.groups()
    return f"{before}{opening}{quote}?{quote}" if quote else f"{before}{opening}“?”"


def _without_earlier(text: str) -> Iterator[str]:
    """The text with the values replaced that are in front of what is said about them."""
    at = 0
    for _ in range(MAX_MATCHES):
        found = _BEHIND_A_VALUE.search(text, at)
        if found is None:
            break
        stop = found.start() - _backslashes(text, found.start())
        begin = _begin_of_quoted(text, at, found.start())
        if begin < stop:
            yield f"{text[at:begin]}?"
            at = stop
        yield text[at : found.end()]
        at = found.end()
    else:
        yield CUT
        return
    yield text[at:]


def _begin_of_quoted(text: str, at: int, end: int) -> int:
    """Where the content begins of what a quotation mark ends; its own place if nowhere."""
    line = max(at, text.rfind("\n", at, end) + 1)
    quote = text[end]
    if quote == "”":
        # Django escapes none: the first one of the line.
        begin = text.find("“", line, end)
        return (begin if begin >= 0 else text.rfind("“", at, end)) + 1 or end
    # As many backslashes as at the end: with more, it is in the value.
    depth = _backslashes(text, end)
    begin = end
    for _ in range(_MAX_ESCAPED):
        begin = text.rfind(quote, line, begin)
        if begin < 0:
            break
        if _backslashes(text, begin) == depth:
            return begin + 1
    begin = text.find(quote, line, end)
    return begin + 1 if begin >= 0 else end


def _backslashes(text: str, end: int) -> int:
    before = text[max(0, end - _LOOKBEHIND) : end]
    return len(before) - len(before.rstrip("\\"))


def _without_rest(match: re.Match[str]) -> str:
    return f"{match['row']}?)" if match["row"] else f"{match['line']}?"


def _without_each(text: str, begin: str, end: str) -> Iterator[str]:
    at = 0
    if end not in text:
        # Another database's message, or it was truncated.
        end = end[0]
    for _ in range(MAX_MATCHES):
        start = text.find(begin, at)
        if start < 0:
            break
        start += len(begin)
        stop = text.find(end, start)
        stop = stop if stop >= 0 else len(text)
        if stop > start and text[start:stop] != _NO_CHOICE:
            yield f"{text[at:start]}?"
            at = stop
        else:
            yield text[at:start]
            at = start
    else:
        yield CUT
        return
    yield text[at:]


class _Statement:
    """Replaces the tokens of one statement, from its beginning to its end."""

    __slots__ = ("_end", "_kind")

    def __init__(self) -> None:
        # Where the token before the current one ends, and its kind.
        self._end = 0
        self._kind = ""

    def __call__(self, match: re.Match[str]) -> str:
        kind = match.lastgroup or ""
        if kind == "quoted" and self._is_name(match.string, match.start(), match.end()):
            kind = "name"
        self._kind, self._end = kind, match.end()
        if kind == "name":
            return _DIGITS.sub("?", match[0])
        if kind == "parameter":
            return _parameter(match[0])
        return " " if kind == "comment" else "?"

    def _is_name(self, text: str, start: int, end: int) -> bool:
        if _BEFORE_A_COLUMN.match(text, end):
            return True
        # Only what is behind the token before: "from" in a comment or a string says nothing.
        begin = max(self._end, start - _LOOKBEHIND)
        before = text[begin:start]
        if self._kind == "name" and _BEHIND_A_NAME.match(before):
            return True
        found = _BEFORE_A_NAME.search(before)
        if found is None or found["source"] is None:
            return found is not None
        # Not in `a is distinct from "text"`.
        rest = before[: found.start()].rstrip()
        if rest:
            return not rest.lower().endswith("distinct")
        return begin == self._end and self._kind not in {"", "comment"}


def _parameter(name: str) -> str:
    word = name.partition("(")[0]
    if len(word) > _MAX_PARAMETER and word[1:].isdecimal():
        return "?"
    return _DIGITS.sub("?", word)
