"""Redacts credentials in any text, by their format or by the name before them.

Each regular expression takes time linear in the text's length, for any input:
quantifiers are possessive, and a match starts only where a word starts.
"""

from __future__ import annotations

import re

from telemetry.registry.contents import CREDENTIAL
from telemetry.registry.redaction import REDACTED, REDACTED_IN_URL

# Tokens with a known prefix. None starts after a letter or a digit.
_KNOWN = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"eyJ[\w-]{8,}+\.[\w-]{4,}+(?:\.[\w-]*+)?"  # JSON Web Tokens
    r"|(?:sk|pk|rk)_(?:live|test)_\w{8,}+|whsec_\w{8,}+"  # Stripe
    r"|sk-[\w-]{16,}+"  # OpenAI, Anthropic
    r"|gh[opsur]_\w{16,}+|github_pat_\w{16,}+|glpat-[\w-]{16,}+"  # GitHub, GitLab
    r"|xox[a-z]-[\w-]{8,}+"  # Slack
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{30,}+|ya29\.[\w-]{16,}+"  # Amazon, Google
    r"|SG\.[\w.-]{16,}+|npm_\w{16,}+|pypi-[\w-]{16,}+|hf_\w{16,}+"  # SendGrid, npm, PyPI, HF
    r"|pylf_v\d+_\w{8,}+"  # Logfire
    r"|dstok_[\w.~-]{8,}+"  # Datasette's API tokens
    r")"
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
# An authentication scheme (RFC 9110) and its credentials. Ordinary words, as in "Basic
# information", have neither a digit nor a capital after a small letter.
_SCHEME = re.compile(
    r"(?<![\w-])(bearer|basic|digest|negotiate|token)([ :+]{1,3}|%20)([\w.~+/=-]{8,}+)",
    re.IGNORECASE,
)
_MIXED = re.compile(r"[0-9=]|[a-z][A-Z]")
# User information in a URL, which has no slash.
_USER = re.compile(r"://[^\s/?#@\"'<>]++@")
# `name=value`, `"name": "value"`, `name: value`, and a pair of bytes like ASGI's headers. A match
# starts only at the first character of a name, so that the time is linear.
_SEPARATOR = r"(?:\\?[\"']?\s?[=:]\s?|[\"'],\s?)"
_QUOTED = r"b?\\?\"[^\"\n]*+\"?|b?\\?'[^'\n]*+'?"
_PAIR = re.compile(
    rf"(?<![\w.-])((?=[\w.-]*?(?:{CREDENTIAL}))[\w.-]++{_SEPARATOR})"
    r"((?:(?:bearer|basic|digest|negotiate|token)\s)?"
    rf"(?:{_QUOTED}|[^\s\"',;&(){{}}\[\]<>]++))",
    re.IGNORECASE,
)
# A header may have several cookies, so the whole line is replaced.
_COOKIES = re.compile(rf"(?<![\w-])((?:set-)?cookie{_SEPARATOR})({_QUOTED}|[^\n]++)", re.IGNORECASE)
_TAKEN_OUT = frozenset({REDACTED, REDACTED_IN_URL})
# Each text that `_PAIR`, `_COOKIES` or `_SCHEME` matches has one of these: "pass" is in "passw",
# and "sig" in "signature".
_WORDS = (
    *("key", "auth", "token", "session", "secret", "cookie", "pass", "pin", "sig", "sid", "pwd"),
    *("csrf", "xsrf", "jwt", "dsn", "otp", "credential", "bearer", "basic", "digest"),
    "negotiate",
)
# A long word, which may be a random token.
_WORD = re.compile(r"(?<![A-Za-z0-9+_~-])[A-Za-z0-9+_~-]{32,}+={0,2}")
_SWITCH = re.compile(r"(?<=[a-z])[A-Z0-9]|(?<=[A-Z])[a-z0-9]|(?<=[0-9])[A-Za-z]")
_DIGITS = re.compile(r"[0-9]++")
_SWITCHES = 0.35


def without_tokens(text: str) -> str:
    """The text with credentials replaced that are recognised by their format."""
    if "-----BEGIN" in text:
        text = _PRIVATE_KEY.sub(REDACTED, text)
    return _WORD.sub(_without_noise, _KNOWN.sub(REDACTED, text))


def without_named(text: str) -> str:
    """The text with values replaced that follow a credential's name, and user names in URLs."""
    if "://" in text and "@" in text:
        text = _USER.sub(f"://{REDACTED_IN_URL}@", text)
    # Few texts have one of these words, and this check costs a twentieth of the search.
    lowered = text.lower()
    if not _has_word(lowered):
        return text
    if "cookie" in lowered:
        text = _COOKIES.sub(rf"\1{REDACTED}", text)
    return _SCHEME.sub(_without_credentials, _PAIR.sub(_without_value, text))


def _has_word(lowered: str) -> bool:
    # A loop: a generator would take twice the time, for every text that is seen once.
    for word in _WORDS:  # noqa: SIM110
        if word in lowered:
            return True
    return False


def _without_value(match: re.Match[str]) -> str:
    before, value = match.groups()
    if value.strip("b\\\"'") in _TAKEN_OUT:
        return match[0]
    return f"{before}{REDACTED}"


def _without_credentials(match: re.Match[str]) -> str:
    scheme, blank, value = match.groups()
    return f"{scheme}{blank}{REDACTED}" if _MIXED.search(value) else match[0]


def _without_noise(match: re.Match[str]) -> str:
    return REDACTED if is_noise(match[0]) else match[0]


def is_noise(word: str) -> bool:
    """Whether a long word looks random, like base64.

    A random word has small letters, capital letters and digits in several places, and
    switches between them at every third character on average. Hexadecimal words are
    not random: trace ids, UUIDs, hashes.
    """
    if word.lower() == word or word.upper() == word:
        return False
    if len(_DIGITS.findall(word)) < 2:
        return False
    return len(_SWITCH.findall(word)) >= len(word) * _SWITCHES
