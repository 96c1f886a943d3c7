"""Addresses and paths, as people paste them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from telemetry.commands.cost.driving import Page, parse_page
from tests.support.commands import telemetry_main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("given", "page"),
    [
        ("/", Page("localhost", "/")),
        ("/meetings?_size=1", Page("localhost", "/meetings?_size=1")),
        ("http://alameda.ca.localhost", Page("alameda.ca.localhost", "/")),
        ("http://Alameda.localhost:8000/a", Page("alameda.localhost:8000", "/a")),
        ("http://me:secret@civic.band/", Page("civic.band", "/")),
        ("https://civic.band:8443/a?b=c", Page("civic.band:8443", "/a?b=c", "https")),
    ],
)
def test_a_page_is_a_host_and_a_path(given: str, page: Page) -> None:
    """The Host header is that of the address, with its port; credentials are left out."""
    assert parse_page(given) == page


@pytest.mark.parametrize(
    "given", ["", "alameda.ca.localhost/", "ftp://localhost/", "http:///", "http://a:b/"]
)
def test_what_is_no_page_is_an_error(given: str) -> None:
    """It says what was given and what is wanted."""
    with pytest.raises(ValueError, match=r"wanted a page such as http://alameda") as caught:
        parse_page(given)
    assert repr(given) in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--times", "0"), "--times 0: wanted at least 1"),
        (("--rate", "0"), "--rate 0: wanted more than 0"),
        (("--price", "-1"), "--price -1: wanted at least 0"),
        (("--page", "nowhere"), "wanted a page such as"),
        (("--pages", "absent"), "No such file"),
        (("--processes", "0"), "--processes 0: wanted at least 1"),
        (("--spans", "-1"), "--spans -1: wanted at least 0"),
    ],
)
def test_what_is_wrong_is_said(arguments: tuple[str, ...], said: str) -> None:
    """Exit code 2, before an application is started."""
    done = telemetry_main("cost", "config.asgi:application", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_pages_are_read_from_a_file(tmp_path: Path) -> None:
    """One a line; blank lines and comments are left out, and each is looked at."""
    pages = tmp_path / "pages"
    pages.write_text("# the pages of a site\n\n /minutes \nnowhere\n")
    done = telemetry_main("cost", "config.asgi:application", "--pages", str(pages))
    assert done.returncode == 2
    assert done.stderr.startswith("'nowhere': wanted a page such as")
