"""Redacts credentials in any text by their format: no name stands before them.

Each regular expression takes time linear in the text's length, for any input:
quantifiers are possessive, and a match starts only where a word starts.
`re` passes over a text faster if an expression begins with a literal or a set
of characters. So what may not stand before it is looked at behind the first one.
"""

from __future__ import annotations

import re
from typing import Final

from telemetry.redaction.bounds import CUT, bounded
from telemetry.redaction.noise import MIN_LENGTH, is_noise
from telemetry.registry.redaction import REDACTED

# Tokens with a known prefix. None starts after a letter or a digit.
_KNOWN = re.compile(
    # First, what each of them begins with: most words are shorter.
    r"(?<![A-Za-z0-9])(?=[A-Za-z][\w.$=+/,~-]{7}|\.e|\$[1256yPa][$abpxy])(?:"
    # Base64 of `{"`: JSON Web Tokens, and what Django and Datasette sign; compressed with a point
    # before it. What may follow is optional: if it were required, each "eyJ" in a word of many
    # would look for it up to the word's end.
    r"\.?eyJ[\w-]{8,}+(?:[.:](?=[\w.:-])[\w-]*+){0,4}+|\.eJ[\w-]{8,}+:[\w-]{4,8}+:[\w-]{20,}+"
    r"|(?:sk|pk|rk)_(?:live|test)_\w{8,}+|whsec_\w{8,}+"  # Stripe
    r"|sk-[\w-]{16,}+"  # OpenAI, Anthropic
    r"|gh[opsur]_\w{16,}+|github_pat_\w{16,}+|gl[a-z]{2,5}-[\w-]{20,}+"  # GitHub, GitLab
    r"|xox[a-z]-[\w-]{8,}+|xapp-[\w-]{16,}+"  # Slack
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{30,}+|ya29\.[\w-]{16,}+"  # Amazon, Google
    r"|SG\.[\w.-]{16,}+|npm_\w{16,}+|pypi-[\w-]{16,}+|hf_\w{16,}+"  # SendGrid, npm, PyPI, HF
    r"|pylf_v\d+_\w{8,}+"  # Logfire
    r"|dstok_[\w.~-]{8,}+"  # Datasette's API tokens
    r"|sntrys_[\w.=+/-]{16,}+|(?:sntryu|gl(?:sa|c)|do[opr]_v1|shp[a-z]{2}|lin_api)_[\w.=+-]{16,}+|hv[sb]\.[\w-]{16,}+"
    r"|(?:dckr_pat|sbp|sgp|rdme|rubygems|hcaik|pscale_[a-z]{2,8}|figd|ntn|duffel_[a-z]{4})_[\w.=-]{16,}+"
    r"|(?:xkeysib|PMAK|NRAK|pul|tskey|GOCSPX|key)-(?=[\w-]{0,64}?[0-9])[\w-]{20,}+"
    r"|django-insecure-[^\s\"'<>]{20,}+"
    r"|dapi[0-9a-f]{32}|SK[0-9a-f]{32}|ATATT3[\w=-]{30,}+|pat\w{14}\.[0-9a-f]{32,}+|dt0c01\.[\w.]{24,}+"
    r"|AGE-SECRET-KEY-\w{16,}+"
    # Django's links to set a new password: seconds in base36, from 2024 on, and a signature.
    r"|[d-h][0-9a-z]{5}-[0-9a-f]{32}(?!\w)"
    # Hashes of passwords: Django's, bcrypt's, crypt's.
    r"|(?:pbkdf2|bcrypt|argon2|scrypt)\w{0,16}\$[\w$./+=,-]{16,}+|\$2[abxy]\$[0-9]{2}\$[./\w]{40,}+"
    r"|\$(?:[56y]|P)\$[\w./$=]{20,}+|\$(?:1|apr1)\$[\w./]{1,8}\$[\w./]{22}"
    r")"
)
# The shortest of them has such a word.
_LONG = re.compile(
    r"[A-Za-z0-9_~+$-](?<![A-Za-z0-9_~+$-].)(?!(?<=[0-9a-f])[0-9a-f]{15})[A-Za-z0-9_~+$-]{10}"
)
# OpenSSH's, PGP's, PuTTY's and others: from here to the line that ends the block.
_KEY_BEGIN = re.compile(
    r"-{4,5} ?BEGIN [A-Z0-9 ]{0,40}(?:PRIVATE KEY|PGP MESSAGE)[A-Z ]{0,8}-{4,5}"
    r"|PuTTY-User-Key-File-\d"
)
_KEY_END = re.compile(r"-{4,5} ?END [A-Z0-9 ]{0,60}-{4,5}|Private-MAC: *\w*")
_MAX_KEYS: Final = 64
# An authentication scheme (RFC 9110) and its credentials. Ordinary words, as in "Basic
# information", have neither a digit nor a capital after a small letter.
_SCHEME = re.compile(
    r"([bB](?<![\w-].)(?i:earer|asic)|[dD](?<![\w-].)(?i:igest)|[nN](?<![\w-].)(?i:egotiate)"
    r"|[tT](?<![\w-].)(?i:oken))([ :+]{1,3}|%20)(\w{1,32}=[\"\\][^\r\n]*+|[\w.~+/=-]{8,}+)"
)
_MIXED = re.compile(r"[0-9=]|[a-z][A-Z]")
# A long word, which may be a random token, with slashes: those of a path, or of base64.
# Ids of traces and hashes are the most frequent of them, and are not random in this sense.
_WORD = re.compile(
    r"[A-Za-z0-9+/_~-](?<![A-Za-z0-9+/_~-].)(?!(?<=[0-9a-f])[0-9a-f]{15})"
    rf"[A-Za-z0-9+/_~-]{{{MIN_LENGTH - 1},}}+={{0,2}}"
)
_SEGMENT = re.compile(rf"[A-Za-z0-9+_~-]{{{MIN_LENGTH},}}+={{0,2}}")
# In pixels and fonts nothing is to be found, and the integrity of a script is public.
_PUBLIC = re.compile(
    r"iVBORw0KGgo|/9j/|R0lGOD|UklGR|PHN2Zy|PD94bWw|d09G|AAABAA|sha(?:256|384|512)-"
)
_DATA = re.compile(r"data:(?:image|font|video|audio)/[\w.+-]{1,32}(?:;[\w=-]{1,32})?;base64,\Z")
_LOOKBEHIND: Final = 64
# A part of a path that can't be a part of a token.
_PLAIN = re.compile(r"[A-Z]?[a-z_-]*|[0-9-]*|[A-Z]+")
_MAX_WORDS: Final = 384


def may_have_token(text: str) -> bool:
    """Whether `without_tokens` may find a token in the text. Most texts have no word so long."""
    return _LONG.search(text) is not None or ("/" in text and _WORD.search(text) is not None)


def without_tokens(text: str) -> str:
    """The text with credentials replaced that are recognised by their format."""
    return bounded(_WORD, _without_noise, bounded(_KNOWN, REDACTED, text), _MAX_WORDS)


def without_schemes(text: str) -> str:
    """The text without credentials behind an authentication scheme."""
    return bounded(_SCHEME, _without_credentials, text)


def without_keys(text: str) -> str:
    """The text without private keys."""
    parts: list[str] = []
    at = 0
    for _ in range(_MAX_KEYS):
        begin = _KEY_BEGIN.search(text, at)
        if begin is None:
            break
        end = _KEY_END.search(text, begin.end())
        parts += (text[at : begin.start()], REDACTED)
        at = end.end() if end else len(text)
    else:
        parts.append(CUT if at < len(text) else "")
        at = len(text)
    return "".join((*parts, text[at:]))


def _without_credentials(match: re.Match[str]) -> str:
    scheme, blank, value = match.groups()
    return f"{scheme}{blank}{REDACTED}" if _MIXED.search(value) else match[0]


def _without_noise(match: re.Match[str]) -> str:
    word = match[0]
    if _is_public(match):
        return word
    if "/" not in word:
        return REDACTED if is_noise(word) else word
    # A token as a part of a path: the rest of the path stays.
    found = _SEGMENT.sub(_without_segment, word)
    if found != word:
        return "/".join(map(_without_rest, found.split("/")))
    return REDACTED if is_noise(word.strip("/")) and word.lower() != word else word


def _without_segment(match: re.Match[str]) -> str:
    return REDACTED if is_noise(match[0]) else match[0]


def _without_rest(part: str) -> str:
    # A slash in base64: short parts of the same token.
    return (
        part if part == REDACTED or len(part) >= MIN_LENGTH or _PLAIN.fullmatch(part) else REDACTED
    )


def _is_public(match: re.Match[str]) -> bool:
    if _PUBLIC.match(match[0]):
        return True
    start = match.start()
    before = match.string[max(0, start - _LOOKBEHIND) : start]
    return before.endswith(",") and _DATA.search(before) is not None
