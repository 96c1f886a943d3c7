"""Random tokens without a name, and long words that are none: both rates, on real text."""

from __future__ import annotations

import base64
import csv
import gzip
import random
import string
from typing import TYPE_CHECKING

import django
import pytest
from django.contrib.sessions.backends.base import VALID_KEY_CHARS

from telemetry.redaction.redactor import Redactor
from telemetry.redaction.tokens import without_tokens
from telemetry.registry.redaction import REDACTED
from telemetry.settings.model import RedactionSettings
from tests.support.civic import SOURCE
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

RANDOM = random.Random(29)
BASE62 = string.ascii_letters + string.digits
REDACTOR = Redactor(RedactionSettings())
KINDS: dict[str, Callable[[int], str]] = {
    "base62": lambda length: "".join(RANDOM.choices(BASE62, k=length)),
    "base64": lambda length: base64.b64encode(RANDOM.randbytes(length * 3 // 4)).decode(),
    "token_urlsafe": lambda length: (
        base64.urlsafe_b64encode(RANDOM.randbytes(length * 3 // 4)).decode().rstrip("=")
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_hundred_random_tokens_ninety_nine_are_replaced(kind: str) -> None:
    """Of 24 to 64 characters, in a sentence, a path and a dictionary."""
    for around in ("got {}, wanted more", "/reset/{}/done/", "{{'value': '{}', 'n': 1}}"):
        tokens = [KINDS[kind](24 + number % 41) for number in range(1500)]
        left = [token for token in tokens if token[2:-4] in REDACTOR.text(around.format(token))]
        assert len(left) <= len(tokens) / 100, left[:10]


def test_a_session_of_django_is_replaced() -> None:
    """32 small letters and digits. Hexadecimal ids have the same length."""
    sessions = ["".join(RANDOM.choices(VALID_KEY_CHARS, k=32)) for _ in range(1000)]
    assert sum(REDACTOR.text(f"of {each}") == f"of {REDACTED}" for each in sessions) >= 980


def test_a_secret_in_base32_is_replaced() -> None:
    """Of 32 characters or more. Shorter words in capital letters are names and ids."""
    words = [base64.b32encode(RANDOM.randbytes(20)).decode() for _ in range(1000)]
    assert sum(REDACTOR.text(f"of {each}") == f"of {REDACTED}" for each in words) >= 880


def _texts(folder: Path, *patterns: str) -> Iterator[str]:
    for pattern in patterns:
        for path in sorted(folder.rglob(pattern)):
            yield path.read_text("utf-8", errors="replace")


def _council_record() -> Iterator[str]:
    if not SOURCE.exists():
        # Beside the repository and not in it.
        return
    with gzip.open(SOURCE, "rt", encoding="utf-8", newline="") as lines:
        for number, row in enumerate(csv.DictReader(lines)):
            # A year has 2.8 million words; the benchmark reads all of them.
            if number % 8 == 0:
                yield f"{row['id']} {row['text']}"


def test_of_ten_thousand_real_words_one_is_replaced_at_most() -> None:
    """Pages of a council, this project's own documents and sources, and Django's."""
    sources = {
        "council": _council_record(),
        "documents": _texts(ROOT / "docs", "*.md"),
        "sources": _texts(ROOT / "telemetry", "*.py"),
        "django": _texts(ROOT.joinpath(django.__path__[0]), "db/**/*.py", "template/**/*.py"),
    }
    for name, texts in sources.items():
        words = hits = 0
        for text in texts:
            words += len(text.split())
            # Only the rules for formats: names of credentials are in every source.
            hits += without_tokens(text).count(REDACTED) - text.count(REDACTED)
        assert hits <= words / 10_000 + 1, (name, hits, words)


@pytest.mark.parametrize(
    "word",
    [
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "2013-01-02-1",
        "/CityCouncil/2013-01-02/1.png",
        "ForwardManyToManyDescriptor",
        "telemetry.errors.sentry.envelopes.make_client",
        "sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhf",
        "data:font/woff2;base64,d09GMgABAAAAABYkAA4AAAAAKfgAABXOAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "https://github.com/django/django/commit/21382e2743d06efbf5623e7c9b6dccf2a325669b",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    ],
)
def test_what_is_legitimately_long_stays(word: str) -> None:
    """Ids of traces and pages, hashes of releases, names of classes, images."""
    assert REDACTOR.text(f"see {word} there") == f"see {word} there"


BLOCK = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ"


@pytest.mark.parametrize(
    "text",
    [
        f"-----BEGIN OPENSSH PRIVATE KEY-----\n{BLOCK}\nshort\n-----END OPENSSH PRIVATE KEY-----",
        f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{BLOCK}\n-----END PGP PRIVATE KEY BLOCK-----",
        f"-----BEGIN PGP MESSAGE-----\n{BLOCK}\nshort",
        f"-----BEGIN EC PRIVATE KEY-----\\n{BLOCK}\\nshort\\n-----END EC PRIVATE KEY-----",
        f"---- BEGIN SSH2 PRIVATE KEY ----\n{BLOCK}\n---- END SSH2 PRIVATE KEY ----",
        "eyJhIjp7ImlkIjoicm9vdCJ9fQ.9fSbVwZbfWPGCcmfPMKCr2y2S2I",
        "eyJ1c2VyIjoiYm9iIn0:1tQXyZ:5vK8kHcJ0mZtT7kq1a9wQ2ZcY6b3L0r8n4x",
        ".eJxVjDsOwjAQBe_iGlle_9ZQ0nMGa9cfHECOFCcV4u4QKQW0b2beS0Ta1hb3UZY4:1tQXyZ:abcdefghij5vK8kHcJ0m",
        "pbkdf2_sha256$1000000$aBcDeFgHiJ$k7b1Q0w9VtY3mZ5xR2uL8nPqS4jH6gFdEaC+iTyU7oI=",
        "$2b$12$LQv3c1yqBWVHxkd0LHAkCOYz6TtxMQJqhN8/LewKyNiLL7wDUhqxe",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    ],
)
def test_keys_and_signed_cookies_are_replaced(text: str) -> None:
    assert REDACTOR.text(f"got {text}").strip() in {f"got {REDACTED}", "got [REDACTED]/bPxRfi"}
