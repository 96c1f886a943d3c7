"""Everything together: problems at once, notes, and secrets that stay in."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from telemetry.exceptions import ConfigurationError
from telemetry.settings import passed_on, read_settings, variables
from telemetry.settings.logs import read_log_settings
from telemetry.settings.variable import declared
from tests.telemetry.settings.reading import problems, read, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_all_problems_are_reported_together() -> None:
    """One restart, not one for each mistake; each with variable, value and what was wanted."""
    environ = {
        "OTEL_TRACES_EXPORTER": "otpl",
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "carrier-pigeon",
        "OTEL_TRACES_SAMPLER": "sometimes",
        "TELEMETRY_SHUTDOWN_TIMEOUT": "soon",
        "TELEMETRY_TRACEPARENT": "believe",
        "TELEMETRY_SITE_LIMIT": "-1",
        "OTEL_BSP_MAX_QUEUE_SIZE": "many",
        "OTEL_PROPAGATORS": "carrier-pigeon",
        "OTEL_PYTHON_ID_GENERATOR": "dice",
        "OTEL_PYTHON_EXCLUDED_URLS": "ok,(",
        "TELEMETRY_UNTRACED_PATHS": "/static/,[",
    }
    with pytest.raises(ConfigurationError) as caught:
        read_settings(environ)
    named = {problem.variable for problem in caught.value.problems}
    assert named == set(environ) - {"OTEL_METRICS_EXPORTER"}
    for problem in caught.value.problems:
        line = f"{problem.variable}={environ[problem.variable]!r}: wanted "
        assert line in str(caught.value)
    assert "carrier-pigeon" in str(caught.value)


@pytest.mark.parametrize(
    ("sampler", "arg"),
    [
        ("traceidratio", "ratio=0.05"),
        ("traceidratio", "1.5"),
        ("parentbased_traceidratio", "-0.1"),
        ("parentbased_traceidratio", "nan"),
        ("tail", "ratio=0.05"),
        ("tail", "5"),
    ],
)
def test_a_ratio_that_is_none_is_an_error(sampler: str, arg: str) -> None:
    """The stock configurator exports everything instead."""
    assert wrong(OTEL_TRACES_SAMPLER=sampler, OTEL_TRACES_SAMPLER_ARG=arg) == [
        "OTEL_TRACES_SAMPLER_ARG"
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        *((each, "") for each in ("site=a", "site=:1", "site=a:nan", "site=a:2", "method=GET:1")),
        ("site=a:1,site=a:0", " (site=a once)"),
        ("route=/a:0.1;site=b:1", " (not route=/a:0.1;site=b)"),
        ("site=*.ca:1", " (not site=*.ca)"),
        ("site=http://alameda.ca:1", " (not site=http://alameda.ca)"),
        ("site=a b:1", " (not site=a b)"),
        ("route=GET /x:0.5", " (not route=GET /x)"),
        ("route=/<int:id>:0.5", " (not route=/<int:id>)"),
        ("route=/(?P<x>.*):0.5", " (not route=/(?P<x>.*))"),
        (r"route=/(?P<x>[^\/]+):0.5", r" (not route=/(?P<x>[^\/]+))"),
    ],
)
def test_a_ratio_that_would_never_apply_is_an_error(given: str, said: str) -> None:
    """It would be ignored without a word."""
    with pytest.raises(ConfigurationError) as caught:
        read(OTEL_TRACES_SAMPLER="tail", TELEMETRY_SAMPLE=given)
    [problem] = caught.value.problems
    assert problem.variable == "TELEMETRY_SAMPLE"
    assert f"ratios 0 to 1{said}" in str(caught.value)
    assert f"ratios 0 to 1{said} (" not in str(caught.value)


def test_logfires_sample_rate_comes_after_opentelemetrys() -> None:
    """LOGFIRE_TRACE_SAMPLE_RATE is honoured where OTEL_TRACES_SAMPLER is unset."""
    settings = read(LOGFIRE_TRACE_SAMPLE_RATE="0.25")
    assert (settings.sampler.name, settings.sampler.arg) == ("parentbased_traceidratio", "0.25")
    both = read(LOGFIRE_TRACE_SAMPLE_RATE="0.25", OTEL_TRACES_SAMPLER="always_on")
    assert both.sampler.name == "always_on"
    assert wrong(LOGFIRE_TRACE_SAMPLE_RATE="2") == ["LOGFIRE_TRACE_SAMPLE_RATE"]


@pytest.mark.parametrize(
    ("token", "address"),
    [
        ("pylf_v1_us_abc", "https://logfire-us.pydantic.dev"),
        ("pylf_v2_eu_abc", "https://logfire-eu.pydantic.dev"),
        ("an-old-token", "https://logfire-us.pydantic.dev"),
    ],
)
def test_logfires_region_is_in_the_token(token: str, address: str) -> None:
    """As Logfire's own SDK reads it; without one it is the US, and a note says so."""
    settings = read(LOGFIRE_TOKEN=token)
    assert [project.base_url for project in settings.logfire] == [address]
    assert any("US" in note for note in settings.notes) == (token == "an-old-token")


def test_several_tokens_are_several_destinations() -> None:
    """And LOGFIRE_BASE_URL is everybody's."""
    tokens = "pylf_v1_us_a, pylf_v1_eu_b,"
    assert [d.base_url[:18] for d in read(LOGFIRE_TOKEN=tokens).logfire] == [
        "https://logfire-us",
        "https://logfire-eu",
    ]
    settings = read(LOGFIRE_TOKEN=tokens, LOGFIRE_BASE_URL="http://127.0.0.1:1/")
    assert {d.base_url for d in settings.logfire} == {"http://127.0.0.1:1"}


@pytest.mark.parametrize("end", ["/?k=v", "?k=v", "?", "/#part", "#"])
def test_an_address_in_front_of_paths_has_no_query(end: str) -> None:
    """The paths would be behind it, and no answer be one of Logfire's."""
    [problem] = problems(LOGFIRE_TOKEN="pylf_v1_us_a", LOGFIRE_BASE_URL=f"http://127.0.0.1:1{end}")
    assert problem.variable == "LOGFIRE_BASE_URL"
    assert ("query" if "?" in end else "fragment") in problem.wanted


@contextmanager
def without_root() -> Iterator[None]:
    """Be another user than root, who can write in every folder."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_spool_that_can_never_be_written_is_an_error() -> None:
    """An outage would be the first to notice."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        (folder / "file").touch()
        for name, mode in (("open", 0o777), ("locked", 0o555), ("closed", 0o000)):
            (folder / name).mkdir()
            (folder / name).chmod(mode)
        with without_root():
            for path in ("open", "open/made/later"):
                assert problems(TELEMETRY_SPOOL_DIR=str(folder / path)) == ()
            wanted = {}
            for path in ("file", "file/x", "locked", "locked/x", "closed/x/y"):
                [problem] = problems(TELEMETRY_SPOOL_DIR=str(folder / path))
                assert problem.variable == "TELEMETRY_SPOOL_DIR"
                wanted[path] = problem.wanted.replace(made, "")
        assert list((folder / "open").iterdir()) == []
        (folder / "closed").chmod(0o755)
    assert wanted == {
        "file": "the path of a folder",
        "file/x": "the path of a folder",
        "locked": "the path of a folder; /locked can't be written",
        "locked/x": "the path of a folder; /locked can't be written",
        "closed/x/y": "the path of a folder (Permission denied)",
    }
    [problem] = problems(TELEMETRY_SPOOL_DIR="x" * 300)
    assert problem.wanted == "the path of a folder (File name too long)"


def test_what_is_set_and_not_used_is_named() -> None:
    """Once each, with a hint where the name is a slip."""
    settings = read(LOGFIRE_CONSOLE="true", OTEL_LOG_LEVEL="debug", TELEMETRY_SHUTDOWN_TIMEOU="1s")
    notes = "\n".join(settings.notes)
    assert "LOGFIRE_CONSOLE is set and not used" in notes
    assert "OTEL_LOG_LEVEL is set and not used" in notes
    assert "did you mean TELEMETRY_SHUTDOWN_TIMEOUT?" in notes


def test_a_token_under_debug_says_that_it_sends_nothing() -> None:
    """One line, and how to change it."""
    notes = read(True, LOGFIRE_TOKEN="pylf_v1_us_abc").notes
    assert len(notes) == 1
    assert "nothing is sent to Logfire" in notes[0]


def test_secrets_stay_out_of_repr_and_messages() -> None:
    """Tokens, headers and the trust secret."""
    settings = read(
        LOGFIRE_TOKEN="pylf_v1_us_sesame",
        OTEL_TRACES_EXPORTER="logfire,otlp",
        OTEL_EXPORTER_OTLP_HEADERS="authorization=sesame",
        TELEMETRY_TRUST_SECRET="sesame",
    )
    assert settings.logfire[0].token == "pylf_v1_us_sesame"
    assert "sesame" not in repr(settings)
    (problem,) = problems(OTEL_TRACES_EXPORTER="logfire", LOGFIRE_TOKEN="ses ame")
    assert "ses ame" not in str(problem)


@pytest.mark.parametrize(("given", "seconds"), [("250ms", 0.25), ("2s", 2.0), ("1.5 S", 1.5)])
def test_durations_take_milliseconds_or_seconds(given: str, seconds: float) -> None:
    """Unitless numbers are refused: they have meant both."""
    assert read(TELEMETRY_SHUTDOWN_TIMEOUT=given).shutdown_timeout == seconds
    assert wrong(TELEMETRY_SHUTDOWN_TIMEOUT="2") == ["TELEMETRY_SHUTDOWN_TIMEOUT"]


def test_a_frameworks_own_exclusions_replace_the_general_ones() -> None:
    """As contrib's instrumentations read them."""
    settings = read(
        OTEL_PYTHON_EXCLUDED_URLS="/health/,/static/", OTEL_PYTHON_DJANGO_EXCLUDED_URLS="/admin/"
    )
    assert settings.excluded_urls == "/health/,/static/"
    assert settings.django_excluded_urls == "/admin/"
    assert settings.datasette_excluded_urls == "/health/,/static/"


@pytest.mark.parametrize("given", ["/health/, /static/,", ",/health/,,/static/"])
def test_a_trailing_comma_excludes_nothing(given: str) -> None:
    """An empty expression would match, and so exclude, everything."""
    settings = read(OTEL_PYTHON_EXCLUDED_URLS=given, TELEMETRY_UNTRACED_PATHS=given)
    assert settings.excluded_urls == settings.untraced_paths == "/health/,/static/"
    assert read(OTEL_PYTHON_EXCLUDED_URLS=" , ").excluded_urls == ""


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        (None, r"/static/,/-/static/,/-/static-plugins/,/favicon\.ico$,/health/(ready)?$"),
        (" ", r"/static/,/-/static/,/-/static-plugins/,/favicon\.ico$,/health/(ready)?$"),
        (r"/assets/,/robots\.txt$", r"/assets/,/robots\.txt$"),
        ("None", ""),
    ],
)
def test_static_files_are_not_traced_unless_told_otherwise(given: str | None, paths: str) -> None:
    """Blank is unset, as everywhere; `none` is how to trace them."""
    environ = {} if given is None else {"TELEMETRY_UNTRACED_PATHS": given}
    assert read(**environ).untraced_paths == paths
    assert variables.UNTRACED_PATHS.default == read().untraced_paths
    assert variables.UNLOGGED_PATHS.default == read().unlogged_paths


@pytest.mark.parametrize("variable", ["TELEMETRY_UNTRACED_PATHS", "OTEL_PYTHON_EXCLUDED_URLS"])
@pytest.mark.parametrize("given", ["/a,(", "/a,(?i)/b", "(?P<x>/a),(?P<x>/b)"])
def test_expressions_that_cannot_be_used_are_a_problem(variable: str, given: str) -> None:
    """Alone, or together: they are compiled as one, and flags stand at its start."""
    [problem] = problems(**{variable: given})
    assert (problem.variable, problem.given) == (variable, given)
    assert problem.wanted.startswith("regular expressions; ")


def test_every_registered_variable_is_read() -> None:
    """A variable in the registry that changes nothing would be a lie in the documents."""
    seen: set[str] = set()

    class Recorder(dict[str, str]):
        def get(self, key: str, default: str = "") -> str:  # type: ignore[override]
            seen.add(str(key))
            return super().get(key, default)

    everything = {
        "OTEL_TRACES_EXPORTER": "otlp,logfire",
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_LOGS_EXPORTER": "otlp",
        "LOGFIRE_TOKEN": "pylf_v1_us_a",
    }
    read_settings(Recorder(everything))
    read_settings(Recorder())
    read_log_settings(Recorder(), debug=False)
    assert {str(variable) for variable in declared(variables, passed_on)} - seen == set()
