"""Limits the cost of redaction: what is not searched is replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

MAX_MATCHES: Final = 1024
"""Number of matches of one rule in one text. A text of as many characters can't have more."""
CUT: Final = "[…]"
"""Replaces the rest of a text with more matches, which is not searched."""


def bounded(
    pattern: re.Pattern[str],
    replacement: str | Callable[[re.Match[str]], str],
    text: str,
    limit: int = MAX_MATCHES,
) -> str:
    """``pattern.sub``, except that the text behind the last match allowed is replaced by `CUT`.

    A replacement that is a string is no template: it has no references to groups.
    """
    last: re.Match[str] | None = None

    def replaced(match: re.Match[str]) -> str:
        nonlocal last
        last = match
        return replacement if isinstance(replacement, str) else replacement(match)

    found, matches = pattern.subn(replaced, text, limit)
    if matches < limit or last is None or last.end() == len(text):
        return found
    return f"{found[: len(found) - (len(text) - last.end())]}{CUT}"
