import pytest

from config.sites.hosts import (
    Host,
    find_root,
    find_subdomain,
    home_address,
    host_header,
    parse_host,
)

ROOTS = ("localhost", "civic.band", "beta.civic.band")


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("Alameda.CA.civic.band:8000", Host("alameda.ca.civic.band", "8000")),
        ("civic.band.", Host("civic.band")),
        ("[::1]:8000", Host("[::1]", "8000")),
        ("[::1]", Host("[::1]")),
        ("localhost:", Host("localhost")),
        ("localhost:evil.example", Host("localhost")),
        ("localhost:\xb2", Host("localhost")),
        ("", Host("")),
        ("[", Host("[]")),
    ],
)
def test_a_header_is_taken_apart(header: str, host: Host) -> None:
    """Whatever stands there becomes a name and a port made of digits."""
    assert parse_host(header) == host


def test_any_byte_is_taken() -> None:
    """Strangers write this header; it never raises."""
    every_byte = bytes(range(256))

    header = host_header([(b"accept", b"*/*"), (b"host", every_byte)])

    assert len(header) == 256
    parse_host(header)
    assert host_header([]) == ""


@pytest.mark.parametrize(
    ("name", "root", "subdomain"),
    [
        ("alameda.ca.civic.band", "civic.band", "alameda.ca"),
        ("alameda.ca.beta.civic.band", "beta.civic.band", "alameda.ca"),
        ("civic.band", "civic.band", ""),
        ("localhost", "localhost", ""),
        ("..civic.band", "civic.band", "."),
    ],
)
def test_the_subdomain_is_what_stands_before_the_root(name: str, root: str, subdomain: str) -> None:
    """The most specific root domain counts."""
    assert find_root(name, ROOTS) == root
    assert find_subdomain(name, root) == subdomain


@pytest.mark.parametrize("name", ["notcivic.band", "civic.band.evil.example", "127.0.0.1", ""])
def test_foreign_names_have_no_root(name: str) -> None:
    """A name that only looks like a root domain is not one."""
    assert find_root(name, ROOTS) is None


def test_the_home_page_keeps_the_port_and_the_root() -> None:
    """A visitor is sent home to where they came from, else to the first root domain."""
    assert home_address(Host("x.civic.band", "8000"), ROOTS) == "civic.band:8000"
    assert home_address(Host("127.0.0.1", "8000"), ROOTS) == "localhost:8000"
    assert home_address(Host("civic.band"), ROOTS) == "civic.band"
