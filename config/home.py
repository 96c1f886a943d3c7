"""The home page: every site, or the results of a search."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest

from config.sites.directory import RegisteredSite
from config.sites.search import MAX_QUERY, Search, SiteIndex, count_pages

PER_PAGE = 100

_last_index = SiteIndex(())


@dataclass(frozen=True)
class Row:
    """A site as the page shows it."""

    name: str
    state: str
    address: str
    pages: str


def home_context(
    request: HttpRequest, sites: Sequence[RegisteredSite], base: str
) -> dict[str, object]:
    """Return the template's context for `sites`, whose addresses end in `base`."""
    index = _index(sites)
    search = Search(
        request.GET.get("q", "").strip()[:MAX_QUERY].rstrip(), request.GET.get("state", "").strip()
    )
    found = index.find(search)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    return {
        "search": search,
        "max_query": MAX_QUERY,
        "states": index.states,
        "any_site": bool(sites),
        "total": _counted(len(sites), index.pages),
        "found": _counted(len(found), count_pages(found)) if search else "",
        "rows": [_row(site, base) for site in page.object_list],
        "page": page if page.has_other_pages() else None,
        "previous": _link(search, page.previous_page_number()) if page.has_previous() else "",
        "next": _link(search, page.next_page_number()) if page.has_next() else "",
    }


def _index(sites: Sequence[RegisteredSite]) -> SiteIndex:
    # The directory returns the same object until a site changes.
    global _last_index
    if _last_index.sites is not sites:
        _last_index = SiteIndex(sites)
    return _last_index


def _row(site: RegisteredSite, base: str) -> Row:
    pages = "" if site.pages is None else _number(site.pages, "page")
    return Row(site.name, site.state, f"//{site.subdomain}.{base}/", pages)


def _counted(sites: int, pages: int) -> str:
    # If the number of pages of no site is known, it is left out.
    counts = [_number(sites, "site")] + ([_number(pages, "page")] if pages else [])
    return ", ".join(counts)


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _link(search: Search, page: int) -> str:
    asked = {"q": search.query, "state": search.state, "page": str(page)}
    return f"?{urlencode({name: value for name, value in asked.items() if value})}"
