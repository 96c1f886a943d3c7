"""A setting is declared once: what is made of a declaration, and no default a second time."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import opentelemetry.environment_variables as api_names
import opentelemetry.sdk.environment_variables as sdk_names
import pytest
from opentelemetry.sdk._logs import LogRecordLimits
from opentelemetry.sdk.trace import SpanLimits

from telemetry.settings import Settings, model, parse, passed_on, variables
from telemetry.settings.model import read_fields
from telemetry.settings.names import UNUSED
from telemetry.settings.reader import Reader
from telemetry.settings.variable import Variable, declared
from tests.support.defaults import Declared, telling, written_again
from tests.support.paths import ROOT
from tests.support.structure import python_files
from tests.telemetry.settings.reading import problems, read, wrong

if TYPE_CHECKING:
    from pathlib import Path

MODELS = (
    Settings,
    model.LimitSettings,
    model.OTLPSettings,
    model.PrometheusSettings,
    model.RedactionSettings,
    model.SamplerSettings,
    model.SentrySettings,
)
# Fields whose value takes more than one variable.
BESIDES = {
    "OTEL_EXPORTER_OTLP_COMPRESSION": "compression",
}


def declarations() -> list[Declared]:
    """Each with its constant's name and its fields'."""
    found = []
    for module in (variables, passed_on):
        for name, variable in vars(module).items():
            if isinstance(variable, Variable):
                of_fields = {
                    field.name
                    for each in MODELS
                    for field in fields(each)
                    if field.metadata.get("variable") == variable
                }
                named = {name.lower(), *of_fields, BESIDES.get(variable, name.lower())}
                found.append(Declared(variable, frozenset(named)))
    return found


def readers_of_settings() -> list[Path]:
    """All of the package but the declarations, and the test helpers, which have no settings."""
    declaring = [ROOT / "telemetry/settings" / name for name in ("variables.py", "passed_on.py")]
    return [
        path
        for path in python_files(ROOT, "telemetry")
        if path not in declaring and not path.is_relative_to(ROOT / "telemetry" / "testing")
    ]


def test_no_default_is_written_a_second_time() -> None:
    """Or changing the declaration would change the documents alone."""
    assert len(telling(declarations())) > 25
    assert written_again(ROOT, readers_of_settings(), declarations()) == []


@pytest.mark.parametrize(
    "text",
    [
        "def f(slow: float = 5.0): ...",
        "def f(*, slow=5): ...",
        "SLOW = 5.0",
        "class A:\n    slow: float = 5.0",
        "class A:\n    slow: float = field(default=5.0)",
        "f = lambda slow=5.0: slow",
        "tail(slow=5.0)",
        "slow = settings.slow or 5.0",
        "slow = given or 5.0",
        "slow = settings.slow if settings else 5.0",
        "reader.parsed(parse.seconds, 5.0, v.SLOW)",
        "environ.get('TELEMETRY_SLOW', '5s')",
        "getattr(settings, 'slow', 5.0)",
        "class A:\n    compression: str = 'none'",
        "MAX = given.attribute_length or 32_768",
        "untraced_paths = " + repr(variables.UNTRACED_PATHS.default),
        "propagators = ('tracecontext', 'baggage')",
        "def f(django_instrument=True): ...",
    ],
)
def test_a_default_that_is_written_again_is_found(tmp_path: Path, text: str) -> None:
    """In any form that one can take."""
    file = tmp_path / "x.py"
    file.write_text(text)
    assert len(written_again(tmp_path, [file], declarations())) == 1


@pytest.mark.parametrize(
    "text",
    [
        "def f(slow: float = v.SLOW.default): ...",
        "def f(slow: float = 3.0): ...",
        "def f(timeout_millis: int = 30000): ...",
        "wait(5.0)",
        "def f(client_address: bool = False): ...",
        "slow = settings.slow or v.SLOW.default",
    ],
)
def test_what_is_no_default_is_left_alone(tmp_path: Path, text: str) -> None:
    """The same number elsewhere, and another number there."""
    file = tmp_path / "x.py"
    file.write_text(text)
    assert written_again(tmp_path, [file], declarations()) == []


def test_settings_are_the_declared_defaults() -> None:
    """Nothing set is what is made of nothing; but for what depends on the machine."""
    assert read() == Settings(
        service_name="host",
        release="development",
        environment="production",
        exporters={"traces": (), "metrics": (), "logs": ()},
        redaction=read().redaction,
    )
    for each in MODELS:
        for name, value in read_fields(Reader({}), each).items():
            (field,) = (field for field in fields(each) if field.name == name)
            assert value == field.metadata["variable"].default


@pytest.mark.parametrize("variable", declared(variables, passed_on))
def test_a_default_is_what_its_own_text_says(variable: Variable[object]) -> None:
    """What the documents show can be set, and is then what was the default."""
    text = variable.default_text
    if variable.default in (None, "", (), {}) or variable == variables.REDACT:
        return
    if variable == variables.NO_COLOR:
        assert variable.default is False
        return
    if variable in (variables.OTLP_ENDPOINT, variables.TEXT_LENGTH_LIMIT):
        text = text.partition(",")[0]
    if variable == variables.LOG_LEVEL:
        assert variables.LOG_LEVEL.parse(text) == variables.LOG_LEVEL.default
        return
    assert variable.parse(text) == variable.default


def test_a_declaration_does_not_change() -> None:
    """It is shared by everything that reads."""
    with pytest.raises(AttributeError, match=r"TELEMETRY_SLOW\.default"):
        variables.SLOW.default = 1.0


@pytest.mark.parametrize(
    ("variable", "forms"),
    [
        (
            variables.OTLP_HEADERS,
            {
                "traces": "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
                "metrics": "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
                "logs": "OTEL_EXPORTER_OTLP_LOGS_HEADERS",
            },
        ),
        (
            variables.EXCLUDED_URLS,
            {
                "asgi": "OTEL_PYTHON_ASGI_EXCLUDED_URLS",
                "django": "OTEL_PYTHON_DJANGO_EXCLUDED_URLS",
                "datasette": "OTEL_PYTHON_DATASETTE_EXCLUDED_URLS",
            },
        ),
    ],
)
def test_forms_are_variables_too(variable: Variable[object], forms: dict[str, str]) -> None:
    """By their names, which are literals here, as secret as the general one."""
    assert dict(variable.forms) == forms
    assert all(form.secret == variable.secret for form in variable.forms.values())
    assert "{" + ",".join(kind.upper() for kind in forms) + "}" in variable.description


@pytest.mark.parametrize("value", [0.025, 0.25, 2.0, 5.0, 0.0, 1.5, 90.0])
def test_a_duration_is_written_as_it_is_read(value: float) -> None:
    """`25ms`, `2s`."""
    assert parse.seconds(parse.duration(value)) == value


def test_opentelemetrys_variables_are_declared() -> None:
    """All that its packages know, but for those of which a note says that they are not used."""
    names = {
        value
        for module in (api_names, sdk_names)
        for name, value in vars(module).items()
        if name.lstrip("_").startswith("OTEL_") and isinstance(value, str)
    }
    assert len(names) > 80
    known = {str(variable) for variable in declared(variables, passed_on)}
    assert names - known <= UNUSED.keys()


def test_limits_are_the_sdks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is passed on has the default that the SDK has."""
    for variable in declared(passed_on):
        monkeypatch.delenv(variable, raising=False)
    spans, records = SpanLimits(), LogRecordLimits()
    assert passed_on.ATTRIBUTE_COUNT_LIMIT.default == spans.max_attributes
    assert passed_on.ATTRIBUTE_COUNT_LIMIT.default == spans.max_span_attributes
    assert passed_on.ATTRIBUTE_COUNT_LIMIT.default == spans.max_event_attributes
    assert passed_on.ATTRIBUTE_COUNT_LIMIT.default == spans.max_link_attributes
    assert passed_on.ATTRIBUTE_COUNT_LIMIT.default == records.max_log_record_attributes
    assert passed_on.SPAN_EVENT_COUNT_LIMIT.default == spans.max_events
    assert passed_on.SPAN_LINK_COUNT_LIMIT.default == spans.max_links
    # Ours: the SDK cuts nothing.
    assert spans.max_attribute_length is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "many"),
        ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "-1"),
        ("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "1.5"),
        ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "-5"),
    ],
)
def test_a_limit_that_the_sdk_raises_for_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """Before, it was an error of the SDK's while the pipeline was made."""
    assert wrong(**{variable: value}) == [variable]
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=variable):
        (SpanLimits(), LogRecordLimits())


@pytest.mark.parametrize("value", ["+5", "1_000", " 7 "])
def test_a_limit_that_the_sdk_takes_is_taken(value: str) -> None:
    """Whatever form of number it is."""
    assert problems(OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT=value) == ()


@pytest.mark.parametrize(
    ("variable", "value", "wanted"),
    [
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0", "a whole number of at least 1"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "0", "a whole number of at least 1"),
        ("OTEL_METRICS_EXEMPLAR_FILTER", "some", "one of trace_based, always_on, always_off"),
    ],
)
def test_what_the_sdk_would_raise_for_in_a_worker_is_a_problem(
    variable: str, value: str, wanted: str
) -> None:
    """At start-up, where the operator sees it."""
    (problem,) = problems(**{variable: value})
    assert (problem.variable, problem.given, problem.wanted) == (variable, value, wanted)
