"""`python -m benchmarks.redaction`: the cost of redaction."""

from __future__ import annotations

import csv
import gzip
import importlib
import random
import string
import sys
from base64 import b64encode, urlsafe_b64encode
from itertools import count
from pathlib import Path
from statistics import median
from textwrap import fill
from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Any

import sqlparse
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from benchmarks.command import run_in_rounds
from benchmarks.machine import machine, packages
from benchmarks.pairs import measure_pair, pair_lines
from benchmarks.recorded import (
    STATEMENT,
    access_record,
    failure,
    query,
    server,
    small_page,
    table_page,
)
from telemetry.export.redacted import redacted_span
from telemetry.logs.formatters import JSONFormatter
from telemetry.redaction.redactor import Redactor
from telemetry.redaction.tokens import without_tokens
from telemetry.registry.redaction import REDACTED
from telemetry.settings.model import RedactionSettings
from telemetry.settings.variables import TEXT_LENGTH_LIMIT
from tests.support.civic import SOURCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan


WAYS = {way: {"TELEMETRY_REDACT": way} for way in ("none", "all")}
SECRETS = tuple(f"one-of-the-operators-secrets-{number}" for number in range(6))
# The worst input of some rule, which reads it for as long as possible.
WORST: Mapping[str, str] = {
    "letters": "a",
    "addresses without an end": "a@",
    "addresses": "b@a.",
    "pairs": "a=",
    "names of credentials": "token.",
    "credentials": "session=[",
    "queries": "/?a=b",
    "question marks": "?",
    "encoded": "%2525",
    "strings": "'",
    "keys": "-----BEGIN PRIVATE KEY-----",
    "messages of SQLite's": 'near "',
    "noise": "A1b",
    "random words": "aB3dE5gH7jK9mN1pQ3sT5vW7y ",
    "random words of letters": "aBcdEfghIjklMnopQrstUvwxYz ",
    "credentials in queries": "password=?x=y ",
    "open brackets": "token=(\n",
    "open quotes": "token='\\'",
    "names and blanks": "password" + " " * 60,
    "names in lists": "token', 'a' ",
    "options": "--token a ",
    "forms": 'token" value="a" ',
    "elements": "<token>a</token>",
    "YAML": "token:\n  a\n",
    "users": "://a:b@c",
    "entities": "&quot;password&quot;:",
    "everything": 'token="%41~41&amp;\\u0041@a.b/?c=d ',
    "logged statements": "[SQL: ] ",
    "keys of PostgreSQL": "Key (a)=(",
    "entries of MySQL": "Duplicate entry '",
    "addresses in paths": "a/?b=c ",
    "slashes": "/",
    "quoted names": "?'password':>-",
    "statements in messages": "select 'a' from b where ",
    "addresses, names and entities": "dst%k' for keyhttps://a:b@cauth &quot;value=",
    "escapes and statements": "%40a@b.c<password>; (params '",
    "words of a key": "key-",
    "brackets with quotes": 'token={"a": \\"b\\", [c]}token=(\n',
    "statements in capital letters": "SELECT a ",
    "values of messages": "“a” is not a valid ",
    "messages of libpq": 'in URI "a" in ',
    "arguments in quotes": "'--token=a '",
    "query strings behind a name": "query_string='a'\n '",
    "fields": "<QueryDict: {'a': ['b'], ",
    "options and escapes": "%20a\n--token a ",
}
# Has what makes each rule search a text, and nothing that it would replace.
TRIGGERS = (
    " select insert update delete sql query statement params value iteral alid input loat: LINE"
    " INTO VALUES SET time got type: port: in instance IPv host name control char choice."
    " zone found row contains entry ' ') near : \" ; -u token @ :// ? %41 ~41 &amp; \\u0041"
    " Key Pass "
)
FILLERS = (
    *("a", "a@", "a ", "/", "/ ", "a/", "'", '"', "a.b ", "A1", "x-", "=", "a=", "?", "a?", "("),
    *("$a", "$", ":a ", ": ", "\n", "a\n", " \n", "value ", "from ", "select ", "é", "1 ", "12"),
    *("--", "e", "[", "`", "<a", "_", "-", "key ", "key-", "aB ", "%", "&", "\\", "~", "sql"),
)
LENGTHS = (8_192, 16_384, 32_768)


def main(arguments: Sequence[str] | None = None) -> int:
    return run_in_rounds("redaction", __doc__, _run, arguments)


def _run(rounds: int) -> Iterator[str]:
    yield "CPU µs for one, of what pages repeat and of what was never seen before,"
    yield "and what it takes to encode it:"
    yield from _each()
    yield ""
    yield "A statement of 160 characters, never seen before:"
    yield from _statements()
    yield ""
    most = f"{TEXT_LENGTH_LIMIT.default:,} are searched"
    yield f"The worst that a visitor can send, CPU ms by length ({most}):"
    yield from _worst()
    yield ""
    yield "Random tokens of 24 to 64 characters that are replaced, and other words that are:"
    yield from _rates()
    yield ""
    pages, samples = measure_pair(WAYS, rounds)
    yield "CPU a request with TELEMETRY_REDACT=none and with everything"
    yield from pair_lines(pages, samples, tuple(WAYS), rounds)
    yield ""
    yield fill(machine(), 80)
    yield fill(packages(), 80, break_on_hyphens=False)


def _each() -> Iterator[str]:
    redactor = Redactor(RedactionSettings(secrets=SECRETS))
    yield f"  {'':<40}{'repeated':>9}{'new':>9}{'encoded':>9}"
    for name, make in {
        "SERVER span of a small page": small_page,
        "SERVER span of a table, with its account": table_page,
        "a query's span": query,
        "SERVER span of a failure, with traceback": failure,
    }.items():
        repeated, new, encoded = _span_costs(redactor, make)
        yield f"  {name:<40}{repeated:>9.1f}{new:>9.1f}{encoded:>9.1f}"
    numbers, found = count(), []
    for redaction in (RedactionSettings(frozenset()), RedactionSettings(secrets=SECRETS)):
        formatter = JSONFormatter("1", redaction)
        found.append(_microseconds(formatter.format, lambda: access_record(0)))
        found.append(_microseconds(formatter.format, lambda: access_record(next(numbers))))
    none, none_new, with_it, new = found
    name = "an access line: more than its formatting"
    yield f"  {name:<40}{with_it - none:>9.1f}{new - none_new:>9.1f}{none:>9.1f}"
    measured = {key: value for key, value in server("/{database}", "").items() if value}
    took = _microseconds(redactor.measured, lambda: measured)
    yield f"  {'a measurement of eight attributes':<40}{took:>9.1f}"


def _span_costs(
    redactor: Redactor, make: Callable[[int], ReadableSpan]
) -> tuple[float, float, float]:
    numbers, seen = count(), make(0)
    return (
        _microseconds(lambda span: redacted_span(span, redactor), lambda: seen),
        _microseconds(lambda span: redacted_span(span, redactor), lambda: make(next(numbers))),
        _microseconds(lambda span: encode_spans([span]), lambda: seen),
    )


def _statements() -> Iterator[str]:
    redactor, numbers = Redactor(RedactionSettings()), count()
    ours = _microseconds(
        lambda sql: redactor.value("db.query.text", sql), lambda: STATEMENT.format(next(numbers))
    )
    tokenize: Any = sqlparse.lexer.tokenize
    theirs = _microseconds(lambda sql: list(tokenize(sql)), lambda: STATEMENT.format(next(numbers)))
    yield f"  ours {ours:.0f} µs, all of it; sqlparse {theirs:.0f} µs, its tokens alone"


def _worst() -> Iterator[str]:
    redactor = Redactor(RedactionSettings(secrets=SECRETS))
    yield f"  {'':<28}{''.join(f'{length:>9,}' for length in LENGTHS)}   as SQL, the last"
    for name, repeated in WORST.items():
        texts = [(repeated * length)[:length] for length in LENGTHS]
        found = [_milliseconds(redactor.text, text) for text in texts]
        sql = _milliseconds(lambda text: redactor.value("db.query.text", text), texts[-1])
        yield f"  {name:<28}{''.join(f'{took:>9.2f}' for took in found)}{sql:>12.2f}"

    took = sorted(
        (_milliseconds(redactor.text, f"{TRIGGERS}{filler * (LENGTHS[-1] // len(filler))}"), filler)
        for filler in FILLERS
    )
    yield ""
    yield "The worst of those that begin with what makes every rule search them:"
    for milliseconds, filler in reversed(took[-5:]):
        yield f"  {filler!r:<55}{milliseconds:>9.2f}"


def _rates() -> Iterator[str]:
    lots = random.Random(29)
    base62 = string.ascii_letters + string.digits
    kinds: Mapping[str, Callable[[int], str]] = {
        "base62": lambda length: "".join(lots.choices(base62, k=length)),
        "base64": lambda length: b64encode(lots.randbytes(length * 3 // 4)).decode(),
        "token_urlsafe": lambda length: (
            urlsafe_b64encode(lots.randbytes(length * 3 // 4)).decode().rstrip("=")
        ),
    }
    for name, make in kinds.items():
        tokens = [make(24 + number % 41) for number in range(41_000)]
        found = sum(token not in without_tokens(f"got {token} there") for token in tokens)
        yield f"  {name:<24}{found:>9,} of {len(tokens):>9,} tokens, {found / len(tokens):.2%}"
    for name, texts in _real_texts():
        words = hits = 0
        for text in texts:
            words += len(text.split())
            hits += without_tokens(text).count(REDACTED) - text.count(REDACTED)
        yield f"  {name:<24}{hits:>9,} of {words:>9,} words, {hits / words * 10_000:.2f} in 10,000"


def _real_texts() -> Iterator[tuple[str, Iterator[str]]]:
    if SOURCE.exists():
        with gzip.open(SOURCE, "rt", encoding="utf-8", newline="") as lines:
            yield "a council's year", (f"{r['id']} {r['text']}" for r in csv.DictReader(lines))
    for package in ("django", "datasette"):
        [place] = importlib.import_module(package).__path__
        files = sorted(Path(place).rglob("*.py"))
        yield f"sources of {package}", (each.read_text("utf-8") for each in files)


def _milliseconds(call: Callable[[str], object], text: str) -> float:
    times = []
    for _ in range(5):
        began = thread_time()
        call(text)
        times.append(thread_time() - began)
    return median(times) * 1000


def _microseconds(call: Callable[[Any], object], make: Callable[[], Any]) -> float:
    """Return the best of five, each the mean of many calls."""
    best = []
    for _ in range(5):
        given = [make() for _ in range(400)]
        began = perf_counter()
        for each in given:
            call(each)
        best.append((perf_counter() - began) / len(given))
    return min(best) * 1e6


if __name__ == "__main__":
    sys.exit(main())
