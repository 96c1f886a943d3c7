"""Which exporters the variables choose."""

from __future__ import annotations

import pytest

from tests.telemetry.settings.reading import problems, read, wrong

TOKEN = "pylf_v1_us_secret"
ENDPOINT = "http://collector:4318"


@pytest.mark.parametrize(
    ("debug", "environ", "expected"),
    [
        (False, {}, ()),
        (False, {"LOGFIRE_TOKEN": TOKEN}, ("logfire",)),
        (False, {"OTEL_EXPORTER_OTLP_ENDPOINT": ENDPOINT}, ("otlp",)),
        (
            False,
            {"LOGFIRE_TOKEN": TOKEN, "OTEL_EXPORTER_OTLP_ENDPOINT": ENDPOINT},
            ("logfire", "otlp"),
        ),
        (False, {"LOGFIRE_TOKEN": TOKEN, "LOGFIRE_SEND_TO_LOGFIRE": "false"}, ()),
        (True, {}, ("console",)),
        (True, {"LOGFIRE_TOKEN": TOKEN}, ("console",)),
        (
            True,
            {"LOGFIRE_TOKEN": TOKEN, "LOGFIRE_SEND_TO_LOGFIRE": "true"},
            ("console", "logfire"),
        ),
        (True, {"OTEL_EXPORTER_OTLP_ENDPOINT": ENDPOINT}, ("console", "otlp")),
    ],
)
def test_unset_exporters_follow_from_the_rest(
    debug: bool, environ: dict[str, str], expected: tuple[str, ...]
) -> None:
    """The README's table, row by row, for all three signals."""
    settings = read(debug, **environ)
    assert dict(settings.exporters) == {"traces": expected, "metrics": expected, "logs": expected}


def test_a_signals_own_endpoint_turns_on_that_signal_only() -> None:
    """OTEL_EXPORTER_OTLP_METRICS_ENDPOINT alone sends metrics and nothing else."""
    settings = read(OTEL_EXPORTER_OTLP_METRICS_ENDPOINT="http://collector:9/m")
    assert dict(settings.exporters) == {"traces": (), "metrics": ("otlp",), "logs": ()}
    assert settings.otlp["metrics"].endpoint == "http://collector:9/m"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("console,none", ("console",)),
        (" OTLP , console,", ("otlp", "console")),
        ("otlp,otlp", ("otlp",)),
        ("none", ()),
        ("  ", ()),
    ],
)
def test_spelling_is_forgiven(given: str, expected: tuple[str, ...]) -> None:
    """Case, blanks, repetition and a trailing comma, which the stock configurator refuses."""
    assert read(OTEL_TRACES_EXPORTER=given).exporters["traces"] == expected


def test_an_explicit_list_wins_over_what_the_rest_implies() -> None:
    """A token or an endpoint adds nothing to a list that somebody wrote."""
    settings = read(
        OTEL_TRACES_EXPORTER="console", LOGFIRE_TOKEN=TOKEN, OTEL_EXPORTER_OTLP_ENDPOINT=ENDPOINT
    )
    assert settings.exporters["traces"] == ("console",)
    assert settings.exporters["logs"] == ("logfire", "otlp")


def test_an_unknown_name_is_an_error_that_lists_the_known() -> None:
    """So is a known name's neighbour: nothing is guessed."""
    (problem,) = problems(OTEL_TRACES_EXPORTER="otpl,console")
    assert problem.variable == "OTEL_TRACES_EXPORTER"
    assert problem.given == "otpl,console"
    for name in ("console", "logfire", "none", "otlp", "not otpl"):
        assert name in problem.wanted


def test_an_exporter_of_another_package_is_known_by_its_entry_point() -> None:
    """`otlp_proto_http` comes with OpenTelemetry's own exporter package."""
    settings = read(OTEL_TRACES_EXPORTER="otlp_proto_http")
    assert settings.exporters["traces"] == ("otlp_proto_http",)


def test_logfire_without_a_token_is_an_error() -> None:
    """Asking for Logfire by name needs the token that gets one in."""
    assert wrong(OTEL_LOGS_EXPORTER="logfire") == ["LOGFIRE_TOKEN"]


def test_disabled_means_inactive() -> None:
    """OTEL_SDK_DISABLED=true wins over every exporter."""
    assert read(OTEL_EXPORTER_OTLP_ENDPOINT=ENDPOINT).active
    assert not read(OTEL_EXPORTER_OTLP_ENDPOINT=ENDPOINT, OTEL_SDK_DISABLED="true").active
    assert not read().active
