"""Words that are planted where visitors can put them, and how each may look elsewhere."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from urllib.parse import quote


@dataclass(frozen=True)
class Sentinel:
    """One word, in one place.

    Args:
        place: where it is planted.
        word: what is looked for; no other has it.
        planted: what is planted, with the word in it.
        recorded: whether it is anywhere to be seen once nothing is redacted.
        asked_for: whether it is a header's that is seen where an operator has it captured.
    """

    place: str
    word: str
    planted: str
    recorded: bool = True
    asked_for: bool = False

    def forms(self) -> set[bytes]:
        """What it may look like: as it is, percent-encoded, in base64 and in hexadecimal."""
        found = {self.word.encode(), quote(self.word, safe="").encode()}
        found.add(self.word.encode().hex().encode())
        # Base64 depends on what comes before: three ways, without the ends that others share.
        for shift in range(3):
            encoded = base64.b64encode(b"\0" * shift + self.word.encode()).rstrip(b"=")
            found.add(encoded[2 if shift else 0 :][1 if shift else 0 : -2])
        return found


@dataclass
class Sentinels:
    """All that are planted."""

    all: list[Sentinel] = field(default_factory=list)

    def word(self, place: str, **more: bool) -> str:
        """A word that is like any other: it must not be seen at all."""
        return self._add(place, "{}", **more)

    def token(self, place: str, **more: bool) -> str:
        """A credential by its shape."""
        return self._add(place, "sk_live_{}Q8w7E6r5", **more)

    def email(self, place: str, **more: bool) -> str:
        """An address by its shape."""
        return self._add(place, "{}@mail.example.org", **more)

    def within(self, place: str, shape: str, **more: bool) -> str:
        """A word with something around it."""
        return self._add(place, shape, **more)

    def _add(self, place: str, shape: str, **more: bool) -> str:
        word = f"zq{len(self.all):03d}vortex"
        sentinel = Sentinel(place, word, shape.format(word), **more)
        self.all.append(sentinel)
        return sentinel.planted
