"""Finds sites by name and state, in memory."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from config.sites.directory import RegisteredSite

# Longer queries are not names of cities, and every word is searched for in every
# site, on the event loop.
MAX_QUERY = 100


@dataclass(frozen=True)
class Search:
    """A visitor's search. An empty one finds every site."""

    query: str = ""
    state: str = ""

    def __bool__(self) -> bool:
        return bool(self.query or self.state)


class SiteIndex:
    """Sites in the order given, with data that all searches share."""

    def __init__(self, sites: Sequence[RegisteredSite]) -> None:
        self.sites = sites
        self.states = sorted({site.state for site in sites if site.state})
        self.pages = count_pages(sites)
        self._texts = [fold(f"{site.name} {site.subdomain} {site.state}") for site in sites]

    def find(self, search: Search) -> Sequence[RegisteredSite]:
        """Return the sites of that state that contain every word, ignoring case and accents."""
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
    """Return the total number of pages of the sites whose number is known."""
    return sum(site.pages or 0 for site in sites)


def fold(text: str) -> str:
    """Remove case and accents, so that `canon` finds Cañon City."""
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return text.casefold()
