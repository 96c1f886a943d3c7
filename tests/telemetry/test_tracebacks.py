"""Tracebacks: the standard library's text, whatever was raised."""

from __future__ import annotations

import logging
import sys
import traceback
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry import tracebacks as module
from telemetry.tracebacks import format_exception

if TYPE_CHECKING:
    from collections.abc import Callable


class UnshowableError(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


class NamedError(Exception):
    __module__ = "__main__"


def _deep(depth: int, end: Callable[[], None]) -> None:
    if depth:
        _deep(depth - 1, end)
    end()


def _raise(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def _attribute() -> None:
    sys.versoin  # type: ignore[attr-defined]  # noqa: B018


def _name() -> None:
    sy  # type: ignore[name-defined]  # noqa: B018, F821


def _syntax() -> None:
    compile("def f(:\n", "minutes.py", "exec")


def _generated() -> None:
    exec(compile("raise KeyError(\n    'agenda')", "<generated>", "exec"))


def _index() -> None:
    [][1 + 1]


def _noted() -> None:
    error = ValueError("x")
    error.add_note("read twice")
    raise error


ENDS: tuple[Callable[[], None], ...] = (
    *map(_raise, (ValueError(), ValueError("two\nlines"), KeyError("x"), UnshowableError())),
    *map(_raise, (NamedError("x"), ExceptionGroup("several", [ValueError(1)]), OSError(2, "x"))),
    *(_attribute, _name, _syntax, _generated, _noted, _index),
)


def _raised(steps: list[tuple[int, int, str]]) -> BaseException | None:
    """Raise exceptions that are linked to each other, and return the last."""
    caught: BaseException | None = None
    for depth, end, how in steps:
        try:
            try:
                _deep(depth, ENDS[end])
            except Exception as error:
                if how == "from" and caught is not None and caught is not error:
                    raise LookupError("x") from caught
                if how == "while":
                    raise LookupError("x")  # noqa: B904
                if how == "from none":
                    raise LookupError("x") from None
                if how == "cycle" and caught is not None:
                    error.__cause__ = caught
                raise
        except Exception as error:
            caught = error
    return caught


@given(
    st.lists(
        st.tuples(
            st.integers(0, 9),
            st.integers(0, len(ENDS) - 1),
            st.sampled_from(["", "from", "while", "from none", "cycle"]),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_the_text_is_the_standard_librarys(steps: list[tuple[int, int, str]]) -> None:
    """Chains, cycles, recursions, positions within a line and what has no text."""
    error = _raised(steps)
    assert error is not None
    wanted = "".join(traceback.format_exception(error))
    assert format_exception(error) == wanted
    # From what is remembered.
    assert format_exception(error) == wanted


def test_an_exception_that_was_not_raised() -> None:
    """It has no frames."""
    assert format_exception(ValueError("x")) == "ValueError: x\n"


def test_equal_code_of_two_files_is_two_places() -> None:
    """Python says that it is equal, whatever file it is of."""
    texts = set()
    for name in ("first", "second"):
        made: Any = ModuleType(name)
        exec(compile("def fail():\n    raise ValueError\n", f"{name}.py", "exec"), made.__dict__)
        with pytest.raises(ValueError) as raised:  # noqa: PT011
            made.fail()
        text = format_exception(raised.value)
        assert f'"{name}.py"' in text
        texts.add(text)
    assert len(texts) == 2


def test_a_limit_of_the_program_applies(monkeypatch: pytest.MonkeyPatch) -> None:
    """`sys.tracebacklimit` is documented."""
    error = _raised([(5, 0, "")])
    assert error is not None
    monkeypatch.setattr(sys, "tracebacklimit", 0, raising=False)
    assert format_exception(error) == "".join(traceback.format_exception(error))
    assert "_deep" not in format_exception(error)


def test_frames_are_remembered_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that generates code without end can't fill the memory."""
    monkeypatch.setattr(module, "MAX_FRAMES", 10)
    for number in range(50):
        with pytest.raises(ValueError, match=str(number)) as raised:
            exec(compile(f"raise ValueError({number})", f"<generated {number}>", "exec"))
        error = raised.value
        assert format_exception(error) == "".join(traceback.format_exception(error))
    assert len(module._frames) <= 10


def test_a_formatter_of_logging_says_the_same() -> None:
    """Log lines have had its text."""
    from telemetry.logs.exception import traceback_of

    error = _raised([(5, 2, "while")])
    assert error is not None
    record = logging.LogRecord("host", logging.ERROR, "", 0, "x", (), None)
    record.exc_info = (type(error), error, error.__traceback__)
    assert traceback_of(record) == logging.Formatter().formatException(record.exc_info)
    # A framework may leave out frames.
    assert error.__traceback__ is not None
    record.exc_info = (type(error), error, error.__traceback__.tb_next)
    assert traceback_of(record) == logging.Formatter().formatException(record.exc_info)
