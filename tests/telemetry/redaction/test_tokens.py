"""Credentials in free text, by what they look like and by what stands before them."""

from __future__ import annotations

import base64
import random
import string

import pytest

from telemetry.redaction.addresses import without_users
from telemetry.redaction.named import without_named
from telemetry.redaction.noise import is_noise
from telemetry.redaction.tokens import without_keys, without_schemes, without_tokens

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJib2IifQ.c2lnbmF0dXJl"
PRIVATE_KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nxyz\n-----END RSA PRIVATE KEY-----"


def without(text: str) -> str:
    return without_tokens(without_schemes(without_named(without_users(without_keys(text)))))


@pytest.mark.parametrize(
    "token",
    [
        JWT,
        PRIVATE_KEY,
        "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
        "sk-proj-abcdefghijklmnop1234",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "github_pat_11ABCDEFG0abcdefghijkl",
        "glpat-abcdefghijklmnopqrst",
        "xoxb-1234567890-abcdef",
        "AKIAIOSFODNN7EXAMPLE",
        "AIzaSyA1234567890abcdefghijklmnopqrstuv",
        "pylf_v1_us_abcdefghijklmnop",
        "dstok_eyJhIjoicm9vdCIsInQiOjE2fQ.abc-DEF",
        # Hexadecimal, so that only the prefix shows what they are.
        *(f"{prefix}{'0123456789abcdef' * 4}" for prefix in ("sntryu_", "sbp_", "sgp_", "pul-")),
        *(f"{prefix}{'0123456789abcdef' * 2}" for prefix in ("SK", "dapi", "key-", "d0w3xy-")),
        "xkeysib-" + "0123456789abcdef" * 4 + "-TFuv7FjOeuq3AJF5",
        "glptt-ad8165f830a3ea56e5a520215d1c75b92ff546cf",
        "NRAK-5KZ23HETJJNM73OE4S47J63G2BW",
        "$apr1$zWMMhRy3$.QuxSsllxuVRcRcwB6XEZ1",
        # Encrypted, with an empty part.
        "eyJhbGciOiJkaXIi..L9gWLbSXath5x0yA.ThfcMzO0FS4LZPoI.8jHsiu36Df0qgQQOKgZ5zi",
    ],
)
@pytest.mark.parametrize("around", ["{}", "/a/{}/b", "no such row: '{}'", 'got "{}", wanted more'])
def test_a_token_is_known_by_its_shape(token: str, around: str) -> None:
    """And what is around it stays."""
    assert without(around.format(token)) == around.format("[REDACTED]")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("password=hunter2 and more", "password=[REDACTED] and more"),
        ("the token: abc, then", "the token: [REDACTED], then"),
        ('{"api_key": "abc def", "n": 1}', '{"api_key": [REDACTED], "n": 1}'),
        ("{'csrfmiddlewaretoken': 'abc'}", "{'csrfmiddlewaretoken': [REDACTED]}"),
        ('msg: "password=hunter2"', 'msg: "password=[REDACTED]"'),
        ("Authorization: Bearer abc.def", "Authorization: [REDACTED]"),
        ("Authorization: Basic Ym9iOmh1bnRlcg==", "Authorization: [REDACTED]"),
        ("sent Bearer abc123def456 to", "sent Bearer [REDACTED] to"),
        ("Cookie: a=b; c=d\nnext: line", "Cookie: [REDACTED]\nnext: line"),
        ("{'Cookie': 'a=b; c=d', 'n': 1}", "{'Cookie': [REDACTED], 'n': 1}"),
        ("[(b'cookie', b'a=b; c'), (b'n', b'x')]", "[(b'cookie', [REDACTED]), (b'n', b'x')]"),
        ('{\\"secret\\": \\"abc\\"}', '{\\"secret\\": [REDACTED]}'),
        ("to http://bob:hunter2@db.example/x", "to http://REDACTED@db.example/x"),
        ("postgres://bob@db/x", "postgres://REDACTED@db/x"),
        ("/callback#access_token=abc&n=1", "/callback#access_token=[REDACTED]&n=1"),
    ],
)
def test_a_credential_is_known_by_its_name(text: str, shown: str) -> None:
    """As a log line, a dict, JSON, a header or an address has it."""
    assert without(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Basic information about tokens",
        "tokens=5, author: bob, cache_key=site:alameda",
        "GET /meetings/minutes/3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "trace 4bf92f3577b34da6a3ce929d0e0e4736",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "minutes-of-the-city-council-2024-05-01-Regular-Meeting-Part-2",
        "ThisIsAVeryLongClassNameForHTTP2ConnectionsAndAll",
        "tests/end_to_end/test_a_failure_is_told_once_with_its_traceback.py:120",
        'File "/srv/app/views.py", line 55, in sync_view',
        "see https://example.org/a?b=c",
    ],
)
def test_other_words_stay(text: str) -> None:
    """Ids of traces and rows, names and hashes."""
    assert without(text) == text


def test_noise_is_told_from_words() -> None:
    """Of what is drawn by lot hardly any passes, in base64 as in letters and digits."""
    lots = random.Random(7)
    alphabet = string.ascii_letters + string.digits
    drawn = ["".join(lots.choices(alphabet, k=40)) for _ in range(500)]
    drawn += [base64.urlsafe_b64encode(lots.randbytes(30)).decode() for _ in range(500)]
    assert sum(map(is_noise, drawn)) >= 980
    assert [word for word in drawn if without(word) == word] == [
        word for word in drawn if not is_noise(word)
    ]
