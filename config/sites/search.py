"""Finds sites by name and state, in memory."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from config.sites.directory import RegisteredSite

# Whoever types more is not looking for a city, and every word is looked for in
# every site, on the event loop.
MAX_QUERY = 100


@dataclass(frozen=True)
class Search:
    """What a visitor asked for; an empty one finds every site."""

    query: str = ""
    state: str = ""

    def __bool__(self) -> bool:
        return bool(self.query or self.state)


class SiteIndex:
    """Sites in the order given, with what is the same for every search of them."""

    def __init__(self, sites: Sequence[RegisteredSite]) -> None:
        self.sites = sites
        self.states = sorted({site.state for site in sites if site.state})
        self.pages = count_pages(sites)
        self._texts = [fold(f"{site.name} {site.subdomain} {site.state}") for site in sites]

    def find(self, search: Search) -> Sequence[RegisteredSite]:
        """The sites of that state in which every word occurs, in whatever case or accent."""
        words = set(fold(search.query[:MAX_QUERY]).split())
        if not words and not search.state:
            return self.sites
        return [
            site
            for site, text in zip(self.sites, self._texts, strict=True)
            if (not search.state or site.state == search.state)
            and all(word in text for word in words)
        ]


def count_pages(sites: Sequence[RegisteredSite]) -> int:
    """The pages of all those sites of which it is known."""
    return sum(site.pages or 0 for site in sites)


def fold(text: str) -> str:
    """Drop case and accents, so that `canon` finds Cañon City."""
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return text.casefold()
