"""A traceback that is longer than what is searched keeps its frames and its end."""

from __future__ import annotations

import re

import pytest

from telemetry.redaction.redactor import Redactor
from telemetry.registry.redaction import MAX_TEXT
from telemetry.settings.model import RedactionSettings
from telemetry.settings.variables import TEXT_LENGTH_LIMIT

LIMIT = TEXT_LENGTH_LIMIT.default
REDACTOR = Redactor(RedactionSettings(secrets=("one-of-the-operators-secrets",)))
FIRST = "Traceback (most recent call last):\n"
FRAME = re.compile(r'^  File "/srv/app/part(\d+)\.py", line (\d+), in work$', re.MULTILINE)


def frames(number: int, source: str = "answer = await work(request)") -> str:
    return "".join(
        f'  File "/srv/app/part{each}.py", line {each}, in work\n    {source}\n'
        for each in range(number)
    )


def test_the_last_frames_are_whole_and_of_those_before_the_lines_stay() -> None:
    """The failure itself is in the end."""
    text = f"{FIRST}{frames(90)}ValueError: no such page\n"
    assert len(text) > LIMIT
    shown = REDACTOR.text(text)
    assert shown.startswith(FIRST)
    assert shown.endswith("in work\n    answer = await work(request)\nValueError: no such page\n")
    assert [int(each) for each, _ in FRAME.findall(shown)] == list(range(90))
    before, _, searched = shown.partition("  […]\n")
    assert "await" not in before
    assert searched.count("await work(request)") == searched.count("File ") > 30
    assert len(shown) < len(text)


def test_of_one_that_is_hardly_longer_nothing_is_left_out() -> None:
    """The line that each traceback begins with is not counted."""
    text = f"{FIRST}{frames(60)}"[: LIMIT + len(FIRST) - 20] + "\nValueError: no\n"
    assert LIMIT < len(text) < LIMIT + len(FIRST)
    assert REDACTOR.text(text) == text


def test_of_very_many_frames_the_last_stay() -> None:
    """The number of lines is bounded, too."""
    text = f"{FIRST}{frames(300)}ValueError: no such page\n"
    assert len(text) < MAX_TEXT
    numbers = [int(each) for each, _ in FRAME.findall(REDACTOR.text(text))]
    assert numbers == list(range(300 - len(numbers), 300))
    assert len(numbers) > 90


@pytest.mark.parametrize(
    "planted",
    [
        "token = 'planted'",
        "raise Refused('planted@example.org')",
        "one-of-the-operators-secrets",
        'password = """',
    ],
)
def test_nothing_private_of_the_source_stays(planted: str) -> None:
    """Neither of what is searched, nor of what is left out."""
    text = f"{FIRST}{frames(90, planted)}ValueError: password=planted\n"
    shown = REDACTOR.text(text)
    assert "planted" not in shown
    assert "one-of-the-operators" not in shown
    assert shown.count('File "') > 30


@pytest.mark.parametrize(
    "path",
    [
        "/srv/app/one-of-the-operators-secrets/part.py",
        "/srv/planted@example.org/part.py",
        "/srv/token=planted/part.py",
    ],
)
def test_a_path_is_redacted(path: str) -> None:
    """Lines of frames that are not searched with the rest are searched by themselves."""
    first = f'  File "{path}", line 1, in work\n    work()\n'
    shown = REDACTOR.text(f"{FIRST}{first}{frames(90)}ValueError: no such page\n")
    assert "[REDACTED]" in shown.partition("[…]")[0]
    assert "planted" not in shown
    assert "one-of-the-operators" not in shown


def test_what_only_looks_like_one_is_cut_as_any_text() -> None:
    """A line that names a frame, in another text, is text."""
    for text in (
        f"{FIRST}{'x ' * LIMIT}",
        f"got {FIRST}{frames(90)}",
        f"{FIRST}{frames(90)}{'x' * LIMIT}",
        f"{FIRST}{frames(900)}",
    ):
        assert REDACTOR.text(text).endswith("[…]")
