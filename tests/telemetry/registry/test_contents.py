"""Which names say that their value is a credential."""

from __future__ import annotations

import pytest

from telemetry.registry import attributes, log_fields
from telemetry.registry.contents import Content, content_of, is_credential
from telemetry.registry.names import Attribute, entries


@pytest.mark.parametrize(
    "name",
    [
        *("password", "db_password", "PASSWD", "passphrase", "user.pwd", "pass"),
        *("secret", "client_secret", "SECRET_KEY", "X-Service-Secret"),
        *("token", "access_token", "csrfmiddlewaretoken", "http.request.header.x_token"),
        *("http.request.header.cookie", "http.response.header.set_cookie", "cookies"),
        *("sessionid", "session", "PHPSESSION", "connect.sid", "ds_actor_session"),
        *("Authorization", "Proxy-Authorization", "x-auth", "auth", "jwt", "bearer"),
        *("api_key", "X-Api-Key", "apikey", "apiKey", "AWSAccessKeyId", "accessKey", "signingKey"),
        *("key", "x-key", "private_key", "encryption-key", "signature", "X-Goog-Signature", "sig"),
        *("SENTRY_DSN", "otp", "pin", "credentials", "xsrf", "_csrf"),
    ],
)
def test_a_credential_is_known_by_its_name(name: str) -> None:
    """However it is written."""
    assert is_credential(name)
    assert content_of(name) is Content.CREDENTIAL


@pytest.mark.parametrize(
    "name",
    [
        *("author", "authority", "tokens", "gen_ai.usage.input_tokens", "tokenizer"),
        *("cache_key", "primary_key", "foreign.key", "sort-key", "monkey", "keys", "keyword"),
        *("opinion", "pinned", "design", "inside", "side", "compass", "passed"),
        *("code.function.name", "exception.stacktrace", "db.namespace"),
    ],
)
def test_other_words_are_not(name: str) -> None:
    """Though they have the letters."""
    assert not is_credential(name)
    assert content_of(name) is Content.TEXT


def test_none_of_our_own_names_says_so() -> None:
    """Or we would hide what we record."""
    ours = [*entries(attributes, Attribute), *entries(log_fields, Attribute)]
    assert [name for name in ours if content_of(name) is Content.CREDENTIAL] == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("db.query.text", Content.SQL),
        ("corkboard.queries.statements", Content.STATEMENTS),
        ("corkboard.queries.repeated", Content.STATEMENTS),
        # Texts, each of which is cut to its own length.
        ("http.route", Content.PATH),
        ("url.path", Content.PATH),
        ("user_agent.original", Content.CUT),
        ("http.request.method_original", Content.CUT),
        ("http.request.header.x_parcel", Content.CUT),
        ("http.response.header.x_parcel", Content.CUT),
        ("url.query", Content.QUERY_STRING),
        ("corkboard.error.url", Content.OURS),
    ],
)
def test_some_are_neither(name: str, content: Content) -> None:
    """Literals, since these are names on the wire."""
    assert not is_credential(name)
    assert content_of(name) is content
