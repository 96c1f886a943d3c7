import os
import time
from pathlib import Path

import pytest

from config.sites.datasettes.files import DatabaseFile, SiteFolder


def _find(sites_dir: Path, subdomain: str) -> list[Path]:
    return [file.path for file in SiteFolder(sites_dir, subdomain).look()]


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

    assert _find(tmp_path, "alameda.ca") == expected


@pytest.mark.parametrize("subdomain", ["..", ".", "", "../outside", "/", "missing"])
def test_a_name_never_leads_out(tmp_path: Path, subdomain: str) -> None:
    """Whatever the name, what lies outside the sites' folder is not found."""
    _touch(tmp_path / "outside" / "secret.db", tmp_path / "sites" / "alameda.ca" / "meetings.db")

    assert _find(tmp_path / "sites", subdomain) == []


def test_a_link_never_leads_out(tmp_path: Path) -> None:
    """A linked folder and a linked file are judged by where they lead."""
    outside, sites = tmp_path / "outside", tmp_path / "sites"
    inside = sites / "alameda.ca" / "meetings.db"
    _touch(outside / "secret.db", inside)
    (sites / "evil.ca").symlink_to(outside)
    (sites / "alameda.ca" / "linked.db").symlink_to(outside / "secret.db")
    (sites / "alameda.ca" / "again.db").symlink_to(inside)

    assert _find(sites, "evil.ca") == []
    assert _find(sites, "alameda.ca") == [inside]


def test_the_sites_folder_may_itself_be_a_link(tmp_path: Path) -> None:
    """A mounted volume is often reached through one."""
    _touch(tmp_path / "volume" / "alameda.ca" / "meetings.db")
    (tmp_path / "sites").symlink_to(tmp_path / "volume")

    [found] = _find(tmp_path / "sites", "alameda.ca")

    assert found == tmp_path / "volume" / "alameda.ca" / "meetings.db"


def _look(folder: SiteFolder) -> DatabaseFile:
    [file] = folder.look()
    return file


def _settle(*paths: Path) -> None:
    """Make changes look old, as they are when a site has been there for a while."""
    hour_ago = time.time() - 3600
    for path in paths:
        os.utime(path, (hour_ago, hour_ago))


def test_what_is_untouched_is_equal(tmp_path: Path) -> None:
    """And what was written, replaced or sealed is not."""
    path = tmp_path / "alameda.ca" / "meetings.db"
    _touch(path)
    folder = SiteFolder(tmp_path, "alameda.ca")
    first = _look(folder)
    assert _look(folder) == first
    assert not first.sealed

    path.write_bytes(b"more")
    written = _look(folder)
    assert (written.place, written) == (first.place, written)
    assert written != first

    other = tmp_path / "other"
    other.write_bytes(b"more")
    os.utime(other, ns=(written.modified_ns, written.modified_ns))
    other.replace(path)
    replaced = _look(folder)
    assert (replaced.size, replaced.modified_ns) == (written.size, written.modified_ns)
    assert replaced.place != written.place

    path.chmod(0o444)
    assert _look(folder).sealed


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_a_writers_journal_breaks_the_seal(tmp_path: Path, suffix: str) -> None:
    """What is in it belongs to the database; an empty one is only a leftover."""
    path = tmp_path / "alameda.ca" / "meetings.db"
    _touch(path)
    path.chmod(0o444)
    folder = SiteFolder(tmp_path, "alameda.ca")

    journal = path.with_name(path.name + suffix)
    journal.touch()
    assert _look(folder).sealed
    journal.write_bytes(b"a page")
    assert not _look(folder).sealed


def test_what_is_not_a_file_is_no_database(tmp_path: Path) -> None:
    """A folder's name may end in .db, and a pipe would keep its reader for ever."""
    site = tmp_path / "alameda.ca"
    _touch(site / "archive.db" / "meetings.db")
    os.mkfifo(site / "pipe.db")

    assert _find(tmp_path, "alameda.ca") == [site / "archive.db" / "meetings.db"]


def test_a_change_is_seen_at_the_next_look(tmp_path: Path) -> None:
    """A file or a folder that came or went, at any depth, long after the last change."""
    site = tmp_path / "alameda.ca"
    main, deep = site / "meetings.db", site / "a" / "b" / "deep.db"
    _touch(main, deep)
    _settle(site, site / "a", site / "a" / "b")
    folder = SiteFolder(tmp_path, "alameda.ca")
    assert [file.path for file in folder.look()] == [main, deep]

    _touch(deep.with_name("more.db"))
    assert [file.path for file in folder.look()] == [main, deep, deep.with_name("more.db")]
    deep.unlink()
    assert [file.path for file in folder.look()] == [main, deep.with_name("more.db")]
    _touch(site / "new" / "folder" / "x.db")
    assert site / "new" / "folder" / "x.db" in [file.path for file in folder.look()]


def test_two_changes_within_a_tick_are_both_seen(tmp_path: Path) -> None:
    """A folder whose time stamp is fresh is not trusted to be what it was."""
    site = tmp_path / "alameda.ca"
    _touch(site / "meetings.db")
    folder = SiteFolder(tmp_path, "alameda.ca")
    folder.look()
    stamp = site.stat().st_mtime_ns
    _touch(site / "second.db")
    os.utime(site, ns=(stamp, stamp))

    assert len(folder.look()) == 2


def test_a_big_folder_is_not_listed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While nothing has changed, a look costs a few calls whatever else lies there."""
    site = tmp_path / "alameda.ca"
    pages = [site / "pages" / f"{number}.txt" for number in range(500)]
    _touch(site / "meetings.db", *pages)
    _settle(site, site / "pages")
    folder = SiteFolder(tmp_path, "alameda.ca")
    listed: list[Path] = []
    scandir = os.scandir

    def watched(path: Path) -> object:
        listed.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", watched)

    first = folder.look()
    assert listed == [site, site / "pages"]
    assert folder.look() == first
    assert listed == [site, site / "pages"]


def test_a_folder_that_may_not_be_read_is_an_error(tmp_path: Path) -> None:
    """Nobody is told that it is empty."""
    site = tmp_path / "alameda.ca"
    _touch(site / "meetings.db")
    # Permissions don't stop root, who runs tests in containers; a loop stops anyone.
    (tmp_path / "loop.ca").symlink_to(tmp_path / "loop.ca")

    with pytest.raises((OSError, RuntimeError)):
        _find(tmp_path, "loop.ca")
