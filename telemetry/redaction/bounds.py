"""Limits the cost of redaction: what is not searched is replaced."""

from __future__ import annotations

from itertools import islice
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
    """``pattern.sub``, except that the text behind the last match allowed is replaced by `CUT`."""
    found, matches = pattern.subn(replacement, text, limit)
    if matches < limit:
        return found
    last = next(islice(pattern.finditer(text), limit - 1, None))
    rest = len(text) - last.end()
    return f"{found[: len(found) - rest]}{CUT}" if rest else found
