"""Addresses and paths, as people paste them."""

from __future__ import annotations

import pytest

from telemetry.commands.cost.driving import Page, parse_page


@pytest.mark.parametrize(
    ("given", "page"),
    [
        ("/", Page("localhost", "/")),
        ("/meetings?_size=1", Page("localhost", "/meetings?_size=1")),
        ("http://alameda.ca.localhost", Page("alameda.ca.localhost", "/")),
        ("https://civic.band:8443/a?b=c", Page("civic.band", "/a?b=c")),
    ],
)
def test_a_page_is_a_host_and_a_path(given: str, page: Page) -> None:
    """Scheme and port are left out: it is our own server that is asked."""
    assert parse_page(given) == page


@pytest.mark.parametrize("given", ["", "alameda.ca.localhost/", "ftp://localhost/", "http:///"])
def test_what_is_no_page_is_an_error(given: str) -> None:
    """It says what was given and what is wanted."""
    with pytest.raises(ValueError, match=r"wanted a page such as http://alameda") as caught:
        parse_page(given)
    assert repr(given) in str(caught.value)
