import pytest

from config.sites.directory import RegisteredSite
from config.sites.search import Search, SiteIndex, count_pages, fold

ALAMEDA = RegisteredSite("alameda.ca", "Alameda", "CA", 10)
SAO = RegisteredSite("sao.ma", "São Straße", "MA", 5)
UNKNOWN = RegisteredSite("unknown", "unknown", "")
SITES = [ALAMEDA, SAO, UNKNOWN]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        (Search(), SITES),
        (Search("  "), SITES),
        (Search("ALA"), [ALAMEDA]),
        (Search("sao strasse"), [SAO]),
        (Search("stra\u00dfe"), [SAO]),
        (Search("ma"), [SAO]),
        (Search("alameda ma"), []),
        (Search(state="CA"), [ALAMEDA]),
        (Search("a", "MA"), [SAO]),
        (Search(state="ca"), []),
        (Search("x" * 100 + " alameda"), []),
    ],
)
def test_every_word_and_the_state(search: Search, found: list[RegisteredSite]) -> None:
    """In the order in which the sites were given."""
    assert list(SiteIndex(SITES).find(search)) == found


def test_only_so_much_is_looked_for() -> None:
    """What comes after a hundred letters is left out, instead of costing time."""
    assert list(SiteIndex(SITES).find(Search("alameda" + " " * 100 + "nothing"))) == [ALAMEDA]


def test_what_a_page_says_of_all() -> None:
    """States without the unknown one, and pages without the unknown ones."""
    index = SiteIndex(SITES)

    assert index.states == ["CA", "MA"]
    assert index.pages == count_pages(SITES) == 15


def test_folding_keeps_what_is_no_accent() -> None:
    """Only marks are dropped, not letters."""
    assert fold("Ñandú Łódź 東京") == "nandu łodz 東京"
