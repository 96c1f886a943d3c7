"""What a host adds to the rules, for the whole process."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from telemetry.exceptions import TelemetryError
from telemetry.state import RedactionRules, state

if TYPE_CHECKING:
    from collections.abc import Iterable


class Follower(Protocol):
    """Whoever has to know."""

    def learn(self) -> None:
        """Take up what was added."""


def current() -> RedactionRules:
    """What has been added so far."""
    return state.redaction_rules


def follow(follower: Follower) -> None:
    """Have ``follower`` told of what is added, for as long as it lives."""
    state.redactors.add(follower)


def redact(
    *,
    names: Iterable[str] = (),
    patterns: Iterable[str | re.Pattern[str]] = (),
    keep_parameters: Iterable[str] = (),
) -> None:
    """Add to what is taken out of spans, metrics, log records and lines, and error events.

    For this process, from now on, whenever it is called; calls add up. What
    TELEMETRY_REDACT turns off stays off, but for what is added here.

    Args:
        names: attributes, headers, log fields and parameters whose values are
            replaced, whatever they are. Case does not matter, nor does ``-``, ``_`` or ``.``.
        patterns: regular expressions; what they match in any text is replaced.
        keep_parameters: parameters of query strings whose values are kept, where they
            look like a name or a number.

    Raises:
        TelemetryError: naming what is no regular expression, or matches nothing at all.
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
    """A name as names are compared."""
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
