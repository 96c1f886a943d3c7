"""Redaction rules that a host adds, for the whole process."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from telemetry.exceptions import TelemetryError
from telemetry.state import RedactionRules, state

if TYPE_CHECKING:
    from collections.abc import Iterable


class Follower(Protocol):
    """An object that uses the added rules."""

    def learn(self) -> None:
        """Load the rules that were added."""


def current() -> RedactionRules:
    """The rules that have been added so far."""
    return state.redaction_rules


def follow(follower: Follower) -> None:
    """Call ``follower.learn()`` whenever rules are added. Holds a weak reference."""
    state.redactors.add(follower)


def redact(
    *,
    names: Iterable[str] = (),
    patterns: Iterable[str | re.Pattern[str]] = (),
    keep_parameters: Iterable[str] = (),
) -> None:
    r"""Add redaction rules for spans, metrics, log records, log lines and error events.

    The rules apply to this process from the call on. Calls are cumulative. Kinds that
    TELEMETRY_REDACT turns off stay off; the rules that are added here apply in any case.

    Args:
        names: attributes, headers, log fields and parameters whose values are always
            replaced. Case is ignored; ``-``, ``_`` and ``.`` are equivalent.
        patterns: regular expressions; every match in any text is replaced.
        keep_parameters: query string parameters whose values are kept if they look
            like a name or a number.

    Raises:
        TelemetryError: if an argument is a single string, or a pattern is not a regular
            expression or matches the empty string.

    Example:
        >>> telemetry.redact(names=["member"], patterns=[r"\bM-\d{6}\b"])
        >>> telemetry.redact_event({"message": "M-204511 is late"}, {})["message"]
        '[REDACTED] is late'
    """
    for argument, given in (
        ("names", names),
        ("patterns", patterns),
        ("keep_parameters", keep_parameters),
    ):
        if isinstance(given, str):
            raise TelemetryError(f"redact({argument}={given!r}): wanted a list of them")
    compiled = tuple(_compiled(pattern) for pattern in patterns)
    rules = state.redaction_rules
    state.redaction_rules = RedactionRules(
        rules.names | {plain_name(name) for name in names},
        (*rules.patterns, *compiled),
        rules.kept_parameters | frozenset(keep_parameters),
    )
    for follower in tuple(state.redactors):
        follower.learn()


def plain_name(name: str) -> str:
    """A name in the form that is used for comparison."""
    return name.lower().replace("-", "_").replace(".", "_")


def _compiled(pattern: str | re.Pattern[str]) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except (re.error, TypeError) as error:
        raise TelemetryError(
            f"redact(patterns=[{pattern!r}]): wanted regular expressions, this is none: {error}"
        ) from None
    if compiled.match(""):
        raise TelemetryError(f"redact(patterns=[{pattern!r}]): it matches where nothing is")
    return compiled
