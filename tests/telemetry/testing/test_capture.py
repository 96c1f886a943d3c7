"""What a capture finds, and what it says of what it doesn't find."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.telemetry.scripts import run_python

if TYPE_CHECKING:
    from collections.abc import Mapping

CAPTURED = """
from telemetry.testing import Capture
capture = Capture()
capture.start()
import telemetry
telemetry.configure(default_service_name="host")
from opentelemetry import metrics
# With the first question it is started.
assert capture.points("visits") == []
meter = metrics.get_meter("mine")
visits = meter.create_counter("visits")
visits.add(1, {"http.response.status_code": 200, "name": "first", "a.b": 1})
visits.add(2, {"http.response.status_code": 500, "corkboard.site": "alameda.ca"})
both = meter.create_counter("both")
both.add(1, {"a.b_c": 1, "a_b.c": 2})
meter.create_counter("bare").add(1)
edge = meter.create_counter("http.server.request.duration")
edge.add(1, {"http.route": "/hello"})

def found(*asked, **named):
    try:
        return [point.value for point in capture.points(*asked, **named)]
    except AssertionError as error:
        return str(error)

"""

FOUND = {
    "all": ("found('visits')", "[1, 2]"),
    "by its name": ("found('visits', {'http.response.status_code': 200})", "[1]"),
    "several": ("found('visits', {'a.b': 1, 'name': 'first'})", "[1]"),
    "called name": ("found('visits', name='first')", "[1]"),
    "a keyword": ("found('visits', corkboard_site='alameda.ca')", "[2]"),
    "a keyword, underscored": ("found('visits', http_response_status_code=500)", "[2]"),
    "one of two alike": ("found('both', {'a_b.c': 2})", "[1]"),
    "both": ("found('visits', {'name': 'first'}, http_response_status_code=500)", "[]"),
    "no such value": ("found('visits', http_response_status_code=404)", "[]"),
    # Named by the registry, and on none of these points.
    "registered": ("found('http.server.request.duration', error_type='ValueError')", "[]"),
    "no such metric": ("found('visit', whatever='x')", "[]"),
}
KNOWN = "it has: a.b, corkboard.site, http.response.status_code, name"
REFUSED = {
    "a misspelt name": (
        "found('visits', {'http.response.status.code': 200})",
        f"'visits' has no attribute 'http.response.status.code'; {KNOWN}",
    ),
    "a keyword in a mapping": (
        "found('visits', {'corkboard_site': 'alameda.ca'})",
        f"'visits' has no attribute 'corkboard_site'; {KNOWN}",
    ),
    "a misspelt keyword": (
        "found('visits', site='x')",
        f"'visits' has no attribute 'site'; {KNOWN}",
    ),
    "none at all": ("found('bare', site='x')", "'bare' has no attribute 'site'; it has: none"),
    "ambiguous": (
        "found('both', a_b_c=1)",
        (
            "a_b_c stands for a.b_c and a_b.c of 'both': "
            "name one in a mapping, points('both', {'a.b_c': ...})"
        ),
    ),
    "text for a number": (
        "found('visits', http_response_status_code='200')",
        "http.response.status_code of 'visits' can't be '200': it is 200, 500",
    ),
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """What each question was answered. A capture is for the life of a process: they share one."""
    asked = [question for question, _ in (*FOUND.values(), *REFUSED.values())]
    code = CAPTURED + "".join(f"print({question})\n" for question in asked)
    done = run_python(tmp_path_factory.mktemp("capture"), code)
    assert done.returncode == 0, done.stderr
    return dict(zip(asked, done.stdout.splitlines(), strict=True))


@pytest.mark.parametrize(("asked", "answer"), FOUND.values(), ids=FOUND)
def test_points_are_found_by_their_attributes(
    answers: Mapping[str, str], asked: str, answer: str
) -> None:
    """Any attribute by its name in a mapping; by keyword, `_` is a dot or itself."""
    assert answers[asked] == answer


@pytest.mark.parametrize(("asked", "answer"), REFUSED.values(), ids=REFUSED)
def test_what_can_match_no_point_is_refused(
    answers: Mapping[str, str], asked: str, answer: str
) -> None:
    """An empty list would let a test pass that has looked for nothing."""
    assert answers[asked] == answer
