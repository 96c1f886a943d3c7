from config import variables
from config.documents import documents
from telemetry.registry.names import entries
from telemetry.settings.variable import Variable
from tests.support.paths import ROOT


def test_the_example_is_fresh() -> None:
    """`make docs` would change nothing."""
    for path, text in documents().items():
        assert (ROOT / path).read_text(encoding="utf-8") == text, f"{path} is stale: make docs"


def test_each_variable_is_in_the_example_once() -> None:
    """Those that telemetry reads and those that the host reads; DEBUG is read by both."""
    [text] = documents().values()
    lines = [line.partition("=")[0] for line in text.splitlines() if line[:2] > "# "]
    assert len(lines) == len(set(lines))
    assert {f"#{variable}" for variable in entries(variables, Variable)} < set(lines)
    assert {"#OTEL_TRACES_EXPORTER", "#TELEMETRY_SLOW", "#OTEL_BSP_SCHEDULE_DELAY"} < set(lines)
