"""TELEMETRY_REDACT, and the secrets among all variables."""

from __future__ import annotations

import json
import traceback
from base64 import b64encode, urlsafe_b64encode
from dataclasses import replace
from html import escape
from urllib.parse import quote, quote_plus

import pytest

from telemetry.exceptions import ConfigurationError
from telemetry.redaction.redactor import Redactor
from telemetry.registry.redaction import KINDS, REDACTED
from telemetry.settings.logs import read_log_settings
from telemetry.settings.read import read_settings
from tests.telemetry.settings.reading import read

EVERYTHING = set(KINDS)


@pytest.mark.parametrize(
    ("given", "kinds"),
    [
        ("", EVERYTHING),
        ("all", EVERYTHING),
        ("none", set()),
        ("sql", {"sql"}),
        (" SQL, emails,", {"sql", "emails"}),
    ],
)
def test_what_is_taken_out(given: str, kinds: set[str]) -> None:
    """Everything unless told; case, blanks and a trailing comma are forgiven."""
    assert read(TELEMETRY_REDACT=given).redaction.kinds == kinds
    found = read_log_settings({"TELEMETRY_REDACT": given}, debug=False)
    assert found.redaction.kinds == kinds


@pytest.mark.parametrize(
    ("variables", "debug", "length"),
    [
        ({}, False, 4096),
        ({}, True, 32_768),
        ({"DEBUG": "true"}, None, 32_768),
        ({"TELEMETRY_TEXT_LENGTH_LIMIT": "9000"}, True, 9000),
        ({"TELEMETRY_TEXT_LENGTH_LIMIT": "1024"}, False, 1024),
    ],
)
def test_how_much_of_a_text_is_searched(
    variables: dict[str, str], debug: bool | None, length: int
) -> None:
    """More on a developer's machine, where whole tracebacks are read."""
    assert read_settings(variables, debug=debug).redaction.text_length == length
    assert read_log_settings(variables, debug=debug).redaction.text_length == length


@pytest.mark.parametrize("given", ["1023", "32769", "4k"])
def test_a_length_outside_of_its_range_is_refused(given: str) -> None:
    """By both bounds, where they matter."""
    with pytest.raises(ConfigurationError) as caught:
        read(TELEMETRY_TEXT_LENGTH_LIMIT=given)
    wanted = "a whole number of at least 1024"
    assert f"TELEMETRY_TEXT_LENGTH_LIMIT='{given}': wanted {wanted}" in str(caught.value)


@pytest.mark.parametrize("given", ["false", "sql,none", "querys", "all,sql"])
def test_what_is_unknown_is_named(given: str) -> None:
    """Rather than that something is sent which was meant to stay."""
    with pytest.raises(ConfigurationError) as caught:
        read(TELEMETRY_REDACT=given)
    assert f"TELEMETRY_REDACT='{given}': wanted a comma list of credentials" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "secrets"),
    [
        ("TELEMETRY_TRUST_SECRET", "planted-secret", {"planted-secret"}),
        ("LOGFIRE_TOKEN", "planted-one,planted-two", {"planted-one", "planted-two"}),
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "authorization=planted-token",
            {"authorization=planted-token", "planted-token"},
        ),
        (
            "OTEL_EXPORTER_OTLP_LOGS_HEADERS",
            "authorization=Bearer%20planted-token",
            {
                *("authorization=Bearer%20planted-token", "Bearer%20planted-token"),
                *("Bearer planted-token", "planted-token"),
            },
        ),
        ("SENTRY_DSN", "https://plantedkey@bugsink.example/1", {"plantedkey"}),
        ("SECRET_KEY", "planted-django-key", {"planted-django-key"}),
        ("AWS_SECRET_ACCESS_KEY", "planted-aws-key", {"planted-aws-key"}),
        ("DATABASE_URL", "postgres://corkboard:planted-pw@db/x", {"planted-pw"}),
        ("DATABASE_URL", "sqlite:///db.sqlite3", set()),
        ("SECRET_KEY", "short", set()),
        ("HOME", "/srv/planted", set()),
        ("PWD", "/srv/planted", set()),
        ("OLDPWD", "/srv/planted", set()),
        ("XDG_SESSION_TYPE", "planted-wayland", set()),
        ("DB_PWD", "planted-password", {"planted-password"}),
        ("BROKEN_URL", "http://[planted", set()),
        (
            "SECRET_KEY_FALLBACKS",
            "planted-one,planted-two",
            {"planted-one,planted-two", "planted-one", "planted-two"},
        ),
        ("API_TOKENS", '["planted-one"]', {'["planted-one"]', "planted-one"}),
        ("BASIC_AUTH", "bob:planted-pw", {"bob:planted-pw", "planted-pw"}),
        ("SECRET_ARN", "arn:x:secret:planted", {"arn:x:secret:planted"}),
        ("SERVICES", '{"db": [{"a": "b", "password": "planted-pw"}]}', {"planted-pw"}),
        (
            "SERVICES",
            '{"db": {"uri": "mysql://bob:planted-pw@db/x"}}',
            {"planted-pw", "//bob:planted-pw"},
        ),
        ("DOCKER_CONFIG_JSON", '{"auths": {"r": {"auth": "planted-pw"}}}', {"planted-pw"}),
        ("SERVICES", '{"password": "planted-pw"', set()),
        ("SERVICES", "[" * 100_000, set()),
        ("ODBC", "server=db;PWD={planted-pw}", {"{planted-pw}", "planted-pw"}),
        ("PG", 'host=db password="planted-pw"', {'"planted-pw"', "planted-pw"}),
    ],
)
def test_the_operator_s_secrets_are_known(name: str, value: str, secrets: set[str]) -> None:
    """Ours, the host's and anybody's; short ones are words."""
    assert set(read(**{name: value}).redaction.secrets) == secrets


def test_secrets_are_never_shown() -> None:
    """Not by `repr`, not in an error, not in its traceback."""
    variables = {
        "TELEMETRY_TRUST_SECRET": "planted-1-secret",
        "LOGFIRE_TOKEN": "pylf_v1_us_planted2",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=planted-3-token",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://bob:planted-4-word@127.0.0.1:9",
        "SENTRY_DSN": "https://planted5key@127.0.0.1/1",
        "SECRET_KEY": "planted-6-key",
        "DATABASE_URL": "postgres://bob:planted-7-word@db/x",
    }
    settings = read(**variables)
    assert "planted" not in repr(settings)
    wrong = {"TELEMETRY_SLOW": "soon", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "planted-8"}
    with pytest.raises(ConfigurationError) as caught:
        read(**variables, **wrong)
    assert "planted" not in "".join(traceback.format_exception(caught.value))


SECRET = "planted/s3cret+of=bob"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # The scheme was forgotten.
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "bob:{}@collector.example:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "//bob:{}@collector.example"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://bob:{}@collector.example/v1"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://collector.example/?token={}"),
        ("LOGFIRE_BASE_URL", "bob:{}@logfire.example"),
        ("OTEL_TRACES_EXPORTER", "otlp,bob:{}@x"),
        ("TELEMETRY_SLOW", "password={}"),
        ("TELEMETRY_SLOW", "{}"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "{}"),
        ("OTEL_RESOURCE_ATTRIBUTES", "api.key={},broken"),
    ],
)
def test_no_error_and_no_note_shows_a_secret(name: str, value: str) -> None:
    """Neither of its own variable nor of another, and however short a password is."""
    environ = {name: value.format(SECRET), "MY_APP_PASSWORD": SECRET}
    try:
        text = str(read(**environ).notes)
    except ConfigurationError as error:
        text = "".join(traceback.format_exception(error))
    assert SECRET not in text
    if value != "{}":
        try:
            text = str(read(**{name: value.format("s3c")}).notes)
        except ConfigurationError as error:
            text = str(error)
        assert "s3c" not in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "host=db user=bob password={} dbname=x"),
        ("DATABASE_URL", "host=db password='{}' dbname=x"),
        ("DATABASE_URL", "postgres://bob:{}@db.example/x"),
        ("DATABASE_URL", "postgres://db.example/x?user=bob&password={}"),
        ("CACHE", "redis://:{}@cache.example"),
        ("BACKENDS", "http://a.example,http://bob:{}@b.example"),
        ("OTEL_RESOURCE_ATTRIBUTES", "team=civic,api.key={}"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=b,authorization={}"),
        ("STRIPE_API_KEY", "{}"),
        ("PRIVATE_KEY", "-----BEGIN KEY-----\n{}\n-----END KEY-----"),
    ],
)
def test_a_secret_is_redacted_in_every_form(name: str, value: str) -> None:
    """Decoded and encoded, escaped, in base64 with anything around it, a line of a key."""
    redactor = Redactor(read(**{name: value.format(SECRET)}).redaction)
    special = 'quote"d\\ünd ' + SECRET
    for secret in (SECRET, special) if name.endswith("_API_KEY") else (SECRET,):
        redactor = Redactor(read(**{name: value.format(secret)}).redaction)
        forms = [
            secret,
            quote(secret),
            quote(secret, safe=""),
            quote(quote(secret, safe=""), safe=""),
            repr(secret),
            repr(secret.encode()),
            json.dumps(secret),
            json.dumps(json.dumps(secret)),
            json.dumps(secret, ensure_ascii=False),
            json.dumps(json.dumps(json.dumps(secret))),
            repr(repr(secret)),
            escape(secret),
            escape(escape(secret)),
            quote_plus(secret),
            ascii(secret),
            # Of PHP's JSON, CSV, SQL and quoted-printable; a header is decoded as Latin-1.
            secret.replace("/", "\\/"),
            secret.replace('"', '""'),
            secret.replace("'", "''"),
            secret.replace("=", "=3D"),
            secret.encode().decode("latin-1"),
            *["".join(f"\\x{ord(each):02x}" for each in secret)] * secret.isascii(),
            *(b64encode(f"{'u' * n}:{secret}".encode()).decode() for n in range(4)),
            *(urlsafe_b64encode(f"{'u' * n}:{secret};".encode()).decode() for n in range(4)),
        ]
        none = Redactor(replace(read(**{name: value.format(secret)}).redaction, kinds=frozenset()))
        for form in forms:
            for each in (redactor, none):
                shown = each.text(f"x {form} y")
                assert "s3cret" not in shown, form
                assert len(shown) < len(form) + 4 or REDACTED in shown
                assert b64encode(secret.encode()).decode()[2:-4] not in shown
