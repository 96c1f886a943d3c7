"""Parsers of variables, one function for each type.

Each raises ValueError with the wanted format as its message.
"""

from __future__ import annotations

import os
import re
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from telemetry.registry.contents import is_credential
from telemetry.registry.redaction import KINDS, MAX_TEXT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

C = TypeVar("C", bound=str)

TRACE_ID = "{trace_id}"
EVENT_ID = "{event_id}"

LONGEST = 1e9
"""Seconds that a thread can wait: `threading.TIMEOUT_MAX` is 9.2e9 on Linux."""
LONGEST_TIMEOUT = 2_147_483.0
"""Seconds that a socket can wait: poll(2) takes an int of milliseconds."""
MOST = 10**18 - 1
"""Largest whole number: a queue's length has to fit into 64 bits."""

# https://grpc.io/docs/guides/status-codes/, without OK.
GRPC_CODES = frozenset(
    {
        "ABORTED",
        "ALREADY_EXISTS",
        "CANCELLED",
        "DATA_LOSS",
        "DEADLINE_EXCEEDED",
        "FAILED_PRECONDITION",
        "INTERNAL",
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "OUT_OF_RANGE",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "UNAUTHENTICATED",
        "UNAVAILABLE",
        "UNIMPLEMENTED",
        "UNKNOWN",
    }
)

_TRUE = frozenset({"1", "true", "yes", "on", "t", "y"})
_FALSE = frozenset({"0", "false", "no", "off", "f", "n", ""})
_LEVELS = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG")
_SYNONYMS = {"WARN": "WARNING", "FATAL": "CRITICAL"}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s)", re.IGNORECASE)
# RFC 9110's token, the only form of a header's name.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# What a header's value may have as it is: the printable characters of ASCII, but for those that
# OpenTelemetry's "OTLP Exporter Configuration" wants percent-encoded and that a shell or a file
# of variables leaves by mistake.
_HEADER_TEXT = re.compile(r"[\t\x20\x21\x23-\x3a\x3c-\x5b\x5d-\x7e]*")
# RFC 1123's names, with the underscore that container networks have.
_LABEL = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
_SAMPLE = "a comma list such as site=alameda.ca:1,route=/{database}/{table}:0.01, ratios 0 to 1"
# What no site and no route has: a list with semicolons, a method, an address, a pattern; of
# Django's and Datasette's patterns, a route is the readable form.
_NO_NAME = {"site": re.compile(r"[;*\s]|://"), "route": re.compile(r"[;\s<]|\(\?P")}
_DSN = "a DSN such as https://KEY@bugsink.example.org/1"


class LogLevels(NamedTuple):
    """Log levels. Levels are Python's names."""

    general: str
    """General level. Empty where only loggers are named."""
    loggers: Mapping[str, str]
    """Levels by logger, where they differ from the general one."""


class SampleRatio(NamedTuple):
    """The ratio of the traces of one site or route."""

    kind: str
    """``site`` or ``route``."""
    value: str
    ratio: float

    def __str__(self) -> str:
        return f"{self.kind}={self.value}:{self.ratio:g}"


def text(value: str) -> str:
    """Parse any text."""
    return value


def is_text(value: str) -> bool:
    """Whether a variable's bytes were UTF-8. Python keeps others as lone surrogates."""
    return not any("\ud800" <= c <= "\udfff" for c in value)


def is_set(_value: str) -> bool:
    """Return True: the variable is set, and its value has no meaning."""
    return True


def boolean(value: str) -> bool:
    """Parse ``true`` or ``false``, or one of their usual synonyms."""
    lowered = value.strip().lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise ValueError("true or false")


def true_or_false(value: str) -> bool:
    """Parse ``true`` or ``false``, the only words that OpenTelemetry's specification allows."""
    try:
        return one_of("true", "false")(value) == "true"
    except ValueError:
        raise ValueError("true or false") from None


def truth(value: str) -> bool:
    """Whether the value means true. Others are False, since the variable is another program's."""
    try:
        return boolean(value)
    except ValueError:
        return False


def boolean_unless(automatic: str) -> Callable[[str], bool | None]:
    """Return a parser of a boolean, or of one word that means None."""

    def read(value: str) -> bool | None:
        if value.strip().lower() == automatic:
            return None
        try:
            return boolean(value)
        except ValueError as error:
            raise ValueError(f"{str(error).replace(' or ', ', ')} or {automatic}") from None

    return read


def nothing(why: str) -> Callable[[str], None]:
    """Return a parser of a variable that must not be set, since it would have no effect."""

    def read(_value: str) -> None:
        raise ValueError(f"to be unset: {why}")

    return read


def names(value: str) -> tuple[str, ...]:
    """Parse a comma list. Case, blanks, duplicates and a trailing comma are ignored."""
    return tuple(dict.fromkeys(part.strip().lower() for part in value.split(",") if part.strip()))


def host_names(value: str) -> tuple[str, ...]:
    """Parse a comma list of host names without ports, in lower case."""
    found = names(value)
    wrong = [name for name in found if not _HOST.fullmatch(name)]
    if wrong:
        raise ValueError(f"host names, without ports (not {', '.join(wrong)})")
    return found


def items(value: str) -> tuple[str, ...]:
    """Parse a comma list whose items keep their case."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def one_of(*known: C) -> Callable[[str], C]:
    """Return a parser of a closed set that ignores case."""

    def read(value: str) -> C:
        lowered = value.strip().lower()
        for each in known:
            if lowered == each:
                return each
        raise ValueError(f"one of {', '.join(known)}")

    return read


def each_of(*known: C) -> Callable[[str], tuple[C, ...]]:
    """Return a parser of a comma list of a closed set that ignores case."""
    one = one_of(*known)

    def read(value: str) -> tuple[C, ...]:
        try:
            found = tuple(one(name) for name in names(value))
        except ValueError:
            found = ()
        if not found:
            raise ValueError(f"a comma list of {', '.join(known)}")
        return found

    return read


def folder(value: str) -> str:
    """Parse the path of a folder that can be written, or can be made. Returns an absolute path."""
    path = Path(value.strip()).absolute()
    try:
        existing = next(each for each in (path, *path.parents) if each.exists())
    except OSError as error:
        raise ValueError(f"the path of a folder ({error.strerror})") from None
    if not existing.is_dir():
        raise ValueError("the path of a folder")
    # As the files of the other variables are judged: by what this process may do.
    effective = os.access in os.supports_effective_ids
    if not os.access(existing, os.W_OK | os.X_OK, effective_ids=effective):
        raise ValueError(f"the path of a folder; {existing} can't be written")
    return str(path)


def grpc_codes(value: str) -> tuple[str, ...]:
    """Parse a comma list of gRPC status codes. Case is ignored."""
    codes = tuple(item.upper() for item in items(value))
    if not codes or not GRPC_CODES.issuperset(codes):
        raise ValueError(f"a comma list of {', '.join(sorted(GRPC_CODES))}")
    return codes


def seconds(value: str, *, least: float = 0.0) -> float:
    """Parse a duration such as ``250ms`` or ``2s``. Returns seconds."""
    match = _DURATION.fullmatch(value.strip())
    if not match:
        raise ValueError("a duration such as 250ms or 2s")
    number = float(match[1])
    parsed = number / 1000 if match[2].lower() == "ms" else number
    if not least <= parsed <= LONGEST:
        raise ValueError(f"a duration from {duration(least)} to {LONGEST:.0f}s")
    return parsed


def positive_seconds(value: str) -> float:
    """Parse a duration of at least ``1ms``. Returns seconds."""
    return seconds(value, least=0.001)


def duration(value: float) -> str:
    """Format seconds in the form that `seconds` parses."""
    return f"{value:g}s" if value >= 1 or value == 0 else f"{value * 1000:g}ms"


def milliseconds(value: str) -> float:
    """Parse a number of milliseconds, at least 1. Returns seconds."""
    return number(value, least=1, most=LONGEST * 1000) / 1000


def delay(value: str) -> int:
    """Parse a whole number of milliseconds, at least 1."""
    return whole(value, least=1, most=int(LONGEST * 1000))


def text_length(value: str) -> int:
    """Parse a number of characters, from 1,024 to `MAX_TEXT`."""
    return whole(value, least=1024, most=MAX_TEXT)


def number(value: str, *, least: float, most: float, bounded: bool = False) -> float:
    """Parse a number from ``least`` to ``most``. The error names ``most`` where it matters."""
    wanted = f"a number of at least {least:g}"
    if bounded:
        wanted = f"a number from {least:g} to {most:g}"
    try:
        parsed = float(value.strip())
    except ValueError:
        raise ValueError(wanted) from None
    if parsed > most and not bounded:
        raise ValueError(f"{wanted}, and at most {most:.0f}")
    if not least <= parsed <= most:
        raise ValueError(wanted)
    return parsed


def timeout(value: str) -> float:
    """Parse a number of seconds, at least 0.001."""
    return number(value, least=0.001, most=LONGEST_TIMEOUT)


def ratio(value: str) -> float:
    """Parse a number from 0 to 1."""
    return number(value, least=0.0, most=1.0, bounded=True)


def whole(value: str, *, least: int = 0, most: int = MOST) -> int:
    """Parse a whole number in plain digits. The error names ``most`` only if it is exceeded."""
    wanted = f"a whole number of at least {least}"
    if not re.fullmatch(r"[0-9]{1,99}", value.strip()) or int(value) < least:
        raise ValueError(wanted)
    if int(value) > most:
        raise ValueError(f"{wanted}, and at most {most}")
    return int(value)


def positive(value: str) -> int:
    """Parse a whole number in plain digits, at least 1."""
    return whole(value, least=1)


def limit(value: str) -> int:
    """Parse a whole number, at least 0, in any form that Python's ``int`` accepts."""
    try:
        return whole(str(int(value)))
    except ValueError:
        raise ValueError("a whole number of at least 0") from None


def port(value: str) -> int:
    """Parse a TCP port."""
    parsed = positive(value)
    if parsed > 65535:
        raise ValueError("a port from 1 to 65535")
    return parsed


def host(value: str) -> str:
    """Parse an IP address or a host name. Returns an IPv6 address without its brackets."""
    given = value.strip()
    bare = given[1:-1] if given.startswith("[") and given.endswith("]") else given
    try:
        return str(ip_address(bare))
    except ValueError:
        if bare != given or not _HOST.fullmatch(given) or given.replace(".", "").isdigit():
            raise ValueError("a host name, or an IP address such as 127.0.0.1 or ::1") from None
    return given


def _is_host(name: str) -> bool:
    """Whether a URL's host is an IP address or a name. Names may have letters of any language."""
    # `urlsplit` has checked what was in brackets.
    return ":" in name or bool(_HOST.fullmatch(re.sub(r"[^\x00-\x7f]", "x", name)))


def url(value: str) -> str:
    """Parse an address with http or https, a host, and a valid port. No fragment, no blanks."""
    wanted = "an address such as http://localhost:4318"
    address = value.strip()
    try:
        parts = urlsplit(address)
        port_is_sane = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError(wanted) from None
    if parts.scheme not in {"http", "https"} or not port_is_sane:
        raise ValueError(wanted)
    if not address.isprintable() or re.search(r"[\s\\]", address) or parts.netloc.endswith(":"):
        raise ValueError(f"{wanted}, without blanks, backslashes or an empty port")
    if not _is_host(parts.hostname or ""):
        raise ValueError(wanted)
    if "#" in address:
        raise ValueError(f"{wanted}, without a fragment (#)")
    return address


def base_url(value: str) -> str:
    """Parse as `url` does, an address in front of paths. Other credentials than a user's are sent.

    No query: the paths would be behind it.
    """
    address = url(value)
    if "@" in urlsplit(address).netloc:
        raise ValueError("an address without a user, such as http://localhost:4318")
    if "?" in address:
        raise ValueError("an address without a query (?), such as http://localhost:4318")
    return address


def proxy(value: str) -> str:
    """Parse the address of a proxy: ``http://host:port``, or ``host:port``.

    http, https, socks4, socks4a, socks5 and socks5h. Where one of SOCKS is used, it needs PySocks.
    """
    wanted = "the address of a proxy, such as http://localhost:3128"
    address = value.strip()
    full = address if "://" in address else f"http://{address}"
    try:
        parts = urlsplit(full)
        url(full.replace(parts.scheme, "http", 1))
    except ValueError:
        raise ValueError(wanted) from None
    if not re.fullmatch("https?|socks(4a?|5h?)", parts.scheme):
        raise ValueError(wanted)
    return value


def is_socks(value: str) -> bool:
    """Whether an address is that of a SOCKS proxy."""
    return value.strip().lower().startswith("socks")


def grpc_proxy(value: str) -> str:
    """Parse the address of a proxy that gRPC can use: ``http://host:port``.

    gRPC ignores others, and prints some with their password.
    """
    parts = urlsplit(proxy(value).strip())
    # gRPC can't read one with a blank before it either.
    has_scheme = value.lower().startswith("http://")
    if not has_scheme or parts.port is None or parts.path not in ("", "/") or parts.query:
        raise ValueError("the address of a proxy for grpc, http://host:port")
    return value


def grpc_endpoint(value: str) -> str:
    """Parse an address as `url` does, or gRPC's form without a scheme, ``host:port``.

    gRPC takes no path and no query.
    """
    address = value.strip()
    parts = urlsplit(url(address if "://" in address else f"http://{address}"))
    if parts.path not in ("", "/") or parts.query or "?" in address:
        raise ValueError("an address such as http://localhost:4317, without a path for grpc")
    return address.rstrip("/")


def url_with(*placeholders: str) -> Callable[[str], str]:
    """Return a parser of an address that contains at least one of the placeholders.

    It is sent with spans and error events, so it has no credentials.
    """
    wanted = f"an address with {' or '.join(placeholders)} in it, and no other braces"

    def read(value: str) -> str:
        filled = value
        for placeholder in placeholders:
            filled = filled.replace(placeholder, "0")
        if filled == value or "{" in filled or "}" in filled:
            raise ValueError(wanted)
        parts = urlsplit(url(filled))
        if "@" in parts.netloc:
            raise ValueError(f"{wanted}; without a user, since it is sent")
        if any(is_credential(name) for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
            raise ValueError(f"{wanted}; without a credential in its query, since it is sent")
        return value

    return read


def dsn(value: str) -> SplitResult:
    """Parse Sentry's DSN into its parts."""
    # Sentry's parser would import the vendor, and its errors quote the value.
    try:
        parts = urlsplit(url(value))
    except ValueError:
        raise ValueError(_DSN) from None
    project = parts.path.rpartition("/")[2]
    if not parts.username:
        raise ValueError(f"{_DSN}; it has no key before an @")
    if not (project.isascii() and project.isdigit()):
        raise ValueError(f"{_DSN}; it ends in no project's number")
    return parts


def tokens(value: str) -> tuple[str, ...]:
    """Parse a comma list of header values. The error counts the items, since they are secret."""
    found = items(value)
    if not found:
        raise ValueError("a token, or several after commas")
    for index, token in enumerate(found, start=1):
        if not token.isascii() or not token.isprintable() or " " in token:
            raise ValueError(f"a token of plain characters; item {index}")
    return found


def pairs(value: str) -> Mapping[str, str]:
    """Parse ``key=value,key=value`` with percent-encoded values (W3C Baggage's form).

    The error counts the items instead of quoting them: headers contain tokens.
    """
    return {unquote(key): unquote(content) for _, key, content in _pairs(value)}


def _pairs(value: str) -> Iterator[tuple[int, str, str]]:
    for index, item in enumerate(value.split(","), start=1):
        if not item.strip():
            continue
        key, separator, content = item.partition("=")
        if not separator or not key.strip():
            raise ValueError(f"key=value,key=value; item {index} has no key or no '='")
        yield index, key.strip(), content.strip()


def headers(value: str) -> Mapping[str, str]:
    """Parse ``name=value,name=value`` with percent-encoded values. Names are in lower case.

    OpenTelemetry's "OTLP Exporter Configuration" takes the form from W3C Baggage. A blank within a
    value need not be encoded, as in the SDK.
    """
    wanted = "header-name=value,..."
    found: dict[str, str] = {}
    for index, key, given in _pairs(value):
        name, content = unquote(key).lower(), unquote(given)
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"{wanted}; item {index}'s name is not a header's")
        if name in found:
            raise ValueError(f"{wanted}; item {index}'s name is there before")
        if not _HEADER_TEXT.fullmatch(given):
            raise ValueError(f"{wanted}; item {index}'s value has a character to percent-encode")
        if "\r" in content or "\n" in content:
            raise ValueError(f"{wanted}; item {index}'s value breaks the line")
        if not _can_be_sent(content):
            raise ValueError(f"{wanted}; item {index}'s value has a character that no header has")
        found[name] = content
    return found


def _can_be_sent(content: str) -> bool:
    """Whether HTTP can send a header's value: latin-1 without control characters, RFC 9110."""
    return all(c == "\t" or " " <= c <= "~" or "\xa0" <= c <= "\xff" for c in content)


def readable_file(value: str) -> str:
    """Parse the path of a file that can be opened."""
    try:
        with Path(value).open("rb"):
            return value
    except OSError as error:
        raise ValueError(f"a readable file ({error.strerror})") from None


def certificates(value: str) -> str:
    """Parse the path of a file with certificates in PEM's form."""
    # Imported here: it takes as long as all other modules of the settings.
    import ssl

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(readable_file(value))
    except ssl.SSLError:
        raise ValueError("a file with certificates in PEM's form") from None
    return value


def trusted(value: str) -> str:
    """Parse as `certificates` does, or the path of a folder with them."""
    return value if Path(value).is_dir() else certificates(value)


def client_certificate(certificate: str, key: str | None) -> str | None:
    """Return what is wanted of a client certificate and its key, or None if they can be used."""
    import ssl

    try:
        # Without a password, OpenSSL would ask for that of an encrypted key on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, lambda: b"")
    except (OSError, ValueError):
        return f"the key of {certificate}, in PEM's form and not encrypted"
    return None


def patterns(value: str) -> str:
    """Parse a comma list of regular expressions. Drops empty ones, which match everything."""
    # The joined list too: it is compiled as one expression, where flags and groups may clash.
    for item in (*items(value), "|".join(items(value))):
        try:
            re.compile(item)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"regular expressions; {item!r} is none: {error}") from None
    return ",".join(items(value))


def pattern_items(value: str) -> tuple[str, ...]:
    """Parse as `patterns` does, into single expressions."""
    return items(patterns(value))


def patterns_or_none(value: str) -> str:
    """Parse as `patterns` does; ``none`` is an empty list."""
    return "" if value.lower() == "none" else patterns(value)


def redaction_kinds(value: str) -> frozenset[str]:
    """Parse ``all``, ``none``, or a comma list of `telemetry.registry.redaction.KINDS`."""
    wanted = f"a comma list of {', '.join(KINDS)}; or all, or none"
    found = frozenset(names(value))
    if found in ({"all"}, {"none"}):
        return frozenset(KINDS) if found == {"all"} else frozenset()
    if not found:
        raise ValueError(wanted)
    if not found <= set(KINDS):
        raise ValueError(f"{wanted} (not {', '.join(sorted(found - set(KINDS)))})")
    return found


def log_levels(value: str) -> LogLevels:
    """Parse a level, followed by those of single loggers: ``INFO,django.db=DEBUG``."""
    general, loggers = "", dict[str, str]()
    for item in items(value) or ("",):
        name, separator, given = item.rpartition("=")
        known = _SYNONYMS.get(given.strip().upper(), given.strip().upper())
        if known not in _LEVELS or (separator and not name.strip()):
            raise ValueError(f"one of {', '.join(_LEVELS)}, and logger=LEVEL after a comma")
        if separator:
            loggers[name.strip()] = known
        else:
            general = known
    return LogLevels(general, loggers)


def missing(known: Iterable[str], given: Iterable[str]) -> str:
    """Return an error message with the known names, and those of ``given`` that are unknown."""
    unknown = [name for name in given if name not in set(known)]
    wanted = f"a comma list of {', '.join(sorted(known))}"
    return f"{wanted} (not {', '.join(unknown)})" if unknown else wanted


def sample_ratios(value: str) -> tuple[SampleRatio, ...]:
    """Parse ``site=alameda.ca:1,route=/{database}/{table}:0.01``."""
    found: list[SampleRatio] = []
    for item in items(value):
        kind, equals, rest = item.partition("=")
        name, colon, given = rest.rpartition(":")
        kind = kind.strip().lower()
        name = name.strip()
        if not (equals and colon and name) or kind not in ("site", "route"):
            raise ValueError(_SAMPLE)
        if _NO_NAME[kind].search(name):
            raise ValueError(f"{_SAMPLE} (not {kind}={name})")
        try:
            rule = SampleRatio(kind, name, ratio(given.strip()))
        except ValueError:
            raise ValueError(_SAMPLE) from None
        if any((rule.kind, rule.value) == (each.kind, each.value) for each in found):
            # The second would never apply.
            raise ValueError(f"{_SAMPLE} ({kind}={name} once)")
        found.append(rule)
    return tuple(found)
