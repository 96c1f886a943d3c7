"""The collector's second line of defence takes nothing out that is ours to send."""

from __future__ import annotations

import re

import pytest
import yaml

from collector.destinations import BASE
from telemetry.registry import attributes
from telemetry.registry.contents import is_credential
from telemetry.registry.names import Attribute, entries

PATTERNS = [
    re.compile(pattern)
    for pattern in yaml.safe_load(BASE.read_text("utf-8"))["processors"]["redaction"][
        "blocked_key_patterns"
    ]
]


def blocked(name: str) -> bool:
    """Whether the collector masks what has this name."""
    return any(pattern.search(name) for pattern in PATTERNS)


def test_what_is_ours_passes() -> None:
    """Every attribute of the registry."""
    names = [str(attribute) for attribute in entries(attributes, Attribute)]
    assert names
    assert [name for name in names if blocked(name)] == []


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "http.request.header.authorization",
        "session_token",
        "csrfmiddlewaretoken",
        "api-key",
        "aws_secret_access_key",
        "private.key",
        "set-cookie",
        "jwt",
    ],
)
def test_what_the_host_takes_out_is_masked(name: str) -> None:
    """By either, should the other be off."""
    assert is_credential(name)
    assert blocked(name)


@pytest.mark.parametrize("name", ["tokens", "gen_ai.usage.input_tokens", "tokenizer", "author"])
def test_what_only_sounds_like_it_is_kept(name: str) -> None:
    """Counts of tokens are no tokens."""
    assert not is_credential(name)
    assert not blocked(name)
