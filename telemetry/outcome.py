"""How a request may end."""

from __future__ import annotations

from typing import Literal, get_args

Outcome = Literal["served", "unknown_site", "disconnected", "error"]

OUTCOMES: frozenset[str] = frozenset(get_args(Outcome))
