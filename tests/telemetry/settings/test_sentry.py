"""Where errors go: the DSN's forms, the links made of it, and what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from telemetry.exceptions import ConfigurationError
from tests.support.certificates import make_certificates
from tests.telemetry.settings.reading import problems, read, wrong

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry.settings.model import SentrySettings

SECRET = "planted" * 4
DSN = f"https://{SECRET}@bugsink.example.org/1"


def _sentry(dsn: str, **environ: str) -> SentrySettings:
    sentry = read(SENTRY_DSN=dsn, **environ).sentry
    assert sentry is not None
    return sentry


@pytest.mark.parametrize(
    ("dsn", "search"),
    [
        (DSN, "https://bugsink.example.org/issues/1/"),
        (f"http://{SECRET}@127.0.0.1:8000/23", "http://127.0.0.1:8000/issues/23/"),
        (f"http://{SECRET}@[2001:db8::1]:8000/1", "http://[2001:db8::1]:8000/issues/1/"),
        (f"https://{SECRET}@[2001:db8::1]/1", "https://[2001:db8::1]/issues/1/"),
        (f"https://{SECRET}@example.org/bugs/in/1", "https://example.org/bugs/in/issues/1/"),
        (f"https://{SECRET}:{SECRET}@example.org/1", "https://example.org/issues/1/"),
        (f"HTTPS://{SECRET}@Example.org/1", "https://Example.org/issues/1/"),
        (f"  https://{SECRET}@example.org/1\n", "https://example.org/issues/1/"),
        (f"https://{SECRET}@notsentry.io/1", "https://notsentry.io/issues/1/"),
    ],
)
def test_a_dsn_leads_to_bugsinks_search(dsn: str, search: str) -> None:
    """Whatever address it has; the key is not in it."""
    sentry = _sentry(dsn)
    assert sentry.dsn == dsn.strip()
    assert sentry.event_url == f"{search}?q=trace:{{trace_id}}"


@pytest.mark.parametrize("host", ["o1.ingest.sentry.io", "o1.ingest.de.sentry.io", "sentry.io"])
def test_sentrys_own_service_has_other_addresses(host: str) -> None:
    """A DSN doesn't tell them, and a link that leads nowhere is worse than none."""
    assert _sentry(f"https://{SECRET}@{host}/1").event_url is None
    given = "https://my.sentry.io/issues/?query={event_id}"
    assert _sentry(f"https://{SECRET}@{host}/1", TELEMETRY_EVENT_URL=given).event_url == given


@pytest.mark.parametrize("dsn", ["", "  "])
def test_without_a_dsn_errors_go_nowhere(dsn: str) -> None:
    """An empty one is none, as with every variable."""
    settings = read(SENTRY_DSN=dsn, TELEMETRY_EVENT_URL="https://example.org/{event_id}")
    assert settings.sentry is None
    assert not settings.active


def test_a_dsn_alone_is_active() -> None:
    """The roll-out's first step: errors, and no signal."""
    settings = read(SENTRY_DSN=DSN)
    assert settings.active
    assert not any(settings.exporters.values())
    assert settings.trace_url is None


@pytest.mark.parametrize(
    "dsn",
    [
        SECRET,
        f"ftp://{SECRET}@example.org/1",
        f"//{SECRET}@example.org/1",
        f"https://{SECRET}@/1",
        f"https://{SECRET}@example.org:port/1",
        f"https://{SECRET}@example.org:0/1",
        f"https://{SECRET}@example.org:65536/1",
        f"https://{SECRET}@[2001:db8::1/1",
        f"https://{SECRET}@exam ple.org/1",
        f"https://{SECRET}@example.org /1",
        f"https://{SECRET}@example.org/a folder/1",
        f"https://{SECRET}@example.org/\t1",
        f"https://{SECRET}@example.org/1 https://{SECRET}@example.org/2",
    ],
)
def test_what_is_no_dsn_is_an_error(dsn: str) -> None:
    """That says what one looks like."""
    [problem] = problems(SENTRY_DSN=dsn)
    assert problem.variable == "SENTRY_DSN"
    assert problem.wanted == "a DSN such as https://KEY@bugsink.example.org/1"


@pytest.mark.parametrize("dsn", ["https://example.org/1", f"https://:{SECRET}@example.org/1"])
def test_a_dsn_without_a_key_is_an_error(dsn: str) -> None:
    """Nobody would take its events."""
    [problem] = problems(SENTRY_DSN=dsn)
    assert problem.wanted.endswith("; it has no key before an @")


@pytest.mark.parametrize("project", ["", "/", "/a", "/1/", "/1a", "/-1", "/1/issues", "/\u0661"])
def test_a_dsn_without_a_project_is_an_error(project: str) -> None:
    """Copied from a browser's address, say; Arabic's digits are none here."""
    [problem] = problems(SENTRY_DSN=f"https://{SECRET}@example.org{project}")
    assert problem.wanted.endswith("; it ends in no project's number")


@pytest.mark.parametrize("dsn", [f"ftp://{SECRET}@example.org/1", f"https://{SECRET}@example.org"])
def test_the_key_is_hidden(dsn: str) -> None:
    """From an error, which is printed at start-up, and from the settings' own text."""
    with pytest.raises(ConfigurationError) as raised:
        read(SENTRY_DSN=dsn)
    assert "SENTRY_DSN=(hidden): wanted a DSN" in str(raised.value)
    assert SECRET not in str(raised.value) + repr(raised.value.problems)
    # What is raised from another would print that one too.
    assert raised.value.__cause__ is None
    assert SECRET not in repr(read(SENTRY_DSN=DSN))


@pytest.mark.parametrize(
    ("variable", "wanted"),
    [
        ("TELEMETRY_TRACE_URL", "{trace_id}"),
        ("TELEMETRY_EVENT_URL", "{trace_id} or {event_id}"),
    ],
)
@pytest.mark.parametrize(
    "template",
    [
        "https://traces.example.org/trace",
        "https://traces.example.org/{trace_id",
        "https://traces.example.org/{trace}",
        "https://traces.example.org/{trace_id}/{span_id}",
        "https://traces.example.org/{}/{trace_id}",
        "https://traces.example.org/{{trace_id}}",
    ],
)
def test_a_template_without_its_placeholder_is_an_error(
    variable: str, wanted: str, template: str
) -> None:
    """Each link would lead to the same page, or show a brace."""
    [problem] = problems(SENTRY_DSN=DSN, **{variable: template})
    assert (problem.variable, problem.given) == (variable, template)
    assert problem.wanted == f"an address with {wanted} in it, and no other braces"


@pytest.mark.parametrize("variable", ["TELEMETRY_TRACE_URL", "TELEMETRY_EVENT_URL"])
@pytest.mark.parametrize("template", ["traces/{trace_id}", "https:///{trace_id}", "/a {trace_id}"])
def test_a_template_that_is_no_address_is_an_error(variable: str, template: str) -> None:
    """It is put where people click."""
    [problem] = problems(SENTRY_DSN=DSN, **{variable: template})
    assert problem.wanted.startswith("an address such as ")


@pytest.mark.parametrize("variable", ["TELEMETRY_TRACE_URL", "TELEMETRY_EVENT_URL"])
@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("https://ann:planted-pass@x.example/{trace_id}", "; without a user, since it is sent"),
        ("https://planted-user@x.example/{trace_id}", "; without a user, since it is sent"),
        ("https://ann:pw-planted{trace_id}@x.example/", "; without a user, since it is sent"),
        *(
            (
                f"https://x.example/{{trace_id}}?{query}",
                "; without a credential in its query, since it is sent",
            )
            for query in (
                "token=planted",
                "q=a&api_key=planted-key",
                "Access-Token=planted",
                "a=b&X-Amz-Signature=planted",
            )
        ),
    ],
)
def test_an_address_that_is_sent_has_no_credential(variable: str, template: str, said: str) -> None:
    """It would be on each span and error event, and in the error itself."""
    with pytest.raises(ConfigurationError) as caught:
        read(SENTRY_DSN=DSN, **{variable: template})
    [problem] = caught.value.problems
    assert problem.variable == variable
    assert problem.wanted.endswith(said)
    assert "planted" not in str(caught.value)


def test_a_query_that_names_no_credential_is_accepted() -> None:
    """Addresses of Grafana, Jaeger and Bugsink have one."""
    template = "https://x.example/explore?orgId=1&q=trace:{trace_id}&primary_key=id"
    assert read(TELEMETRY_TRACE_URL=template).trace_url == template


def test_a_trace_has_no_event_in_its_address() -> None:
    """One trace may have many events, and the link is on each."""
    assert wrong(TELEMETRY_TRACE_URL="https://example.org/{event_id}") == ["TELEMETRY_TRACE_URL"]


def test_templates_are_kept_as_given() -> None:
    """Either placeholder does for events, and a host may be one of a project's own."""
    trace_url = "http://{trace_id}.localhost:3000/?q={trace_id}"
    event_url = "https://bugs.example.org/{event_id}?trace={trace_id}"
    settings = read(
        SENTRY_DSN=DSN, TELEMETRY_TRACE_URL=trace_url, TELEMETRY_EVENT_URL=f" {event_url} "
    )
    assert settings.trace_url == trace_url
    assert settings.sentry is not None
    assert settings.sentry.event_url == event_url


def test_the_files_of_certificates_are_judged_where_they_are_read(tmp_path: Path) -> None:
    """By a client that sends events over TLS; otherwise they are set for other programs."""
    made = make_certificates(tmp_path)
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("no certificate")
    names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CLIENT_CERT_FILE", "CLIENT_KEY_FILE")
    absent = dict.fromkeys(names, "/absent")
    assert problems(**absent) == problems(**absent, SENTRY_DSN="http://key@127.0.0.1/1") == ()
    # SSL_CERT_FILE takes precedence.
    assert wrong(**absent, SENTRY_DSN=DSN) == [names[0], *names[2:]]
    for variable in names[:2]:
        assert wrong(SENTRY_DSN=DSN, **{variable: str(garbage)}) == [variable]
        for good in (made / "ca.pem", made):
            assert wrong(SENTRY_DSN=DSN, **{variable: str(good)}) == []
    pair = {"CLIENT_CERT_FILE": f"{made}/client.pem", "CLIENT_KEY_FILE": f"{made}/client.key"}
    assert wrong(SENTRY_DSN=DSN, **pair) == []
    assert wrong(SENTRY_DSN=DSN, **pair | {"CLIENT_KEY_FILE": f"{made}/server.key"}) == [names[3]]
    [problem] = problems(SENTRY_DSN=DSN, CLIENT_CERT_FILE=pair["CLIENT_CERT_FILE"])
    assert (problem.variable, problem.given) == ("CLIENT_KEY_FILE", "")
    [problem] = problems(SENTRY_DSN=DSN, CLIENT_KEY_FILE=pair["CLIENT_KEY_FILE"])
    assert str(problem).endswith("wanted the certificate of CLIENT_KEY_FILE")


def test_turning_opentelemetry_off_leaves_errors_on() -> None:
    """The variable is of three signals, and errors are none of them."""
    settings = read(
        SENTRY_DSN=DSN,
        OTEL_SDK_DISABLED="true",
        OTEL_EXPORTER_OTLP_ENDPOINT="http://localhost:4318",
    )
    assert settings.sentry is not None
    assert settings.exporters == {"traces": (), "metrics": (), "logs": ()}
    assert settings.active
    assert not read(OTEL_SDK_DISABLED="true").active


def test_everything_that_is_wrong_is_told_together() -> None:
    """One start-up, one list."""
    found = wrong(
        SENTRY_DSN="nowhere",
        TELEMETRY_TRACE_URL="nowhere",
        TELEMETRY_EVENT_URL="nowhere",
        OTEL_TRACES_SAMPLER="nowhere",
    )
    assert sorted(found) == [
        "OTEL_TRACES_SAMPLER",
        "SENTRY_DSN",
        "TELEMETRY_EVENT_URL",
        "TELEMETRY_TRACE_URL",
    ]
