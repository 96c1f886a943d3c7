from pathlib import Path

import pytest

from config.sites.files import find_databases


def _touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_the_main_database_comes_first(tmp_path: Path) -> None:
    """The others follow by name, from any depth; only *.db, and nothing hidden."""
    site = tmp_path / "alameda.ca"
    expected = [site / "meetings.db", site / "a" / "budget.db", site / "elections.db"]
    _touch(*expected, site / ".meetings-x.db", site / "notes.txt", site / ".old" / "meetings.db")
    _touch(site / "meetings.db-wal", tmp_path / "ashland.or" / "meetings.db")

    assert find_databases(tmp_path, "alameda.ca") == expected


@pytest.mark.parametrize("subdomain", ["..", ".", "", "../outside", "/", "missing"])
def test_a_name_never_leads_out(tmp_path: Path, subdomain: str) -> None:
    """Whatever the name, what lies outside the sites' folder is not found."""
    _touch(tmp_path / "outside" / "secret.db", tmp_path / "sites" / "alameda.ca" / "meetings.db")

    assert find_databases(tmp_path / "sites", subdomain) == []


def test_a_link_never_leads_out(tmp_path: Path) -> None:
    """A linked folder and a linked file are judged by where they lead."""
    outside, sites = tmp_path / "outside", tmp_path / "sites"
    inside = sites / "alameda.ca" / "meetings.db"
    _touch(outside / "secret.db", inside)
    (sites / "evil.ca").symlink_to(outside)
    (sites / "alameda.ca" / "linked.db").symlink_to(outside / "secret.db")
    (sites / "alameda.ca" / "again.db").symlink_to(inside)

    assert find_databases(sites, "evil.ca") == []
    assert find_databases(sites, "alameda.ca") == [inside]


def test_the_sites_folder_may_itself_be_a_link(tmp_path: Path) -> None:
    """A mounted volume is often reached through one."""
    _touch(tmp_path / "volume" / "alameda.ca" / "meetings.db")
    (tmp_path / "sites").symlink_to(tmp_path / "volume")

    [found] = find_databases(tmp_path / "sites", "alameda.ca")

    assert found == tmp_path / "volume" / "alameda.ca" / "meetings.db"
