import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace

import pytest

from config.sites.directory import DirectoryUnavailableError, RegisteredSite, SiteDirectory

ALAMEDA = RegisteredSite("alameda.ca", "Alameda", "CA")


class Registry:
    """Sites that can be changed, or refuse to be read, and a clock to turn."""

    def __init__(self, *sites: RegisteredSite) -> None:
        self.sites = {site.subdomain: site for site in sites}
        self.error: Exception | None = None
        self.reads = 0
        self.now = 1000.0

    async def load(self) -> Mapping[str, RegisteredSite]:
        self.reads += 1
        await asyncio.sleep(0.01)
        if self.error:
            raise self.error
        return dict(self.sites)

    def directory(self) -> SiteDirectory:
        return SiteDirectory(self.load, clock=lambda: self.now)


def test_forged_hosts_share_one_query() -> None:
    """However many names are asked for, known or not, the registry is read once."""
    registry = Registry(ALAMEDA)

    async def ask() -> list[RegisteredSite | None]:
        directory = registry.directory()
        names = ["alameda.ca", *(f"forged-{n}" for n in range(200))]
        return await asyncio.gather(*map(directory.find, names), *map(directory.find, names))

    found = asyncio.run(ask())

    assert [site for site in found if site] == [ALAMEDA, ALAMEDA]
    assert registry.reads == 1


def test_a_new_site_is_known_after_two_seconds() -> None:
    """The snapshot is read again when it is old, and not before."""
    registry = Registry()

    async def ask() -> list[RegisteredSite | None]:
        directory = registry.directory()
        first = await directory.find("alameda.ca")
        registry.sites["alameda.ca"] = ALAMEDA
        registry.now += 1.9
        second = await directory.find("alameda.ca")
        registry.now += 0.1
        return [first, second, await directory.find("alameda.ca")]

    assert asyncio.run(ask()) == [None, None, ALAMEDA]
    assert registry.reads == 2


def test_nobody_waits_for_a_refresh_but_one() -> None:
    """While the registry is slow, the others are answered from the snapshot."""
    registry = Registry(ALAMEDA)

    async def ask() -> None:
        directory = registry.directory()
        await directory.find("alameda.ca")
        registry.now += 10
        slow = asyncio.create_task(directory.find("alameda.ca"))
        await asyncio.sleep(0)
        assert await directory.find("alameda.ca") == ALAMEDA
        assert not slow.done()
        assert await slow == ALAMEDA

    asyncio.run(ask())


def test_an_outage_serves_the_last_snapshot(caplog: pytest.LogCaptureFixture) -> None:
    """Each outage is logged once, however long it lasts."""
    registry = Registry(ALAMEDA)

    async def ask() -> None:
        directory = registry.directory()
        await directory.find("alameda.ca")
        for error in (OSError("first"), None, OSError("second")):
            registry.error = error
            for _ in range(3):
                registry.now += 10
                assert await directory.find("alameda.ca") == ALAMEDA
                assert await directory.all() == [ALAMEDA]

    with caplog.at_level(logging.WARNING):
        asyncio.run(ask())

    errors = [str(record.exc_info[1]) for record in caplog.records if record.exc_info]
    assert errors == ["first", "second"]


def test_all_sites_are_in_the_order_of_their_names() -> None:
    """Without regard to case; those of one name by their subdomain."""
    names = [("b", "napa"), ("z", "Alameda"), ("a", "Napa"), ("c", "bend")]
    registry = Registry(*(RegisteredSite(subdomain, name, "CA") for subdomain, name in names))

    sites = asyncio.run(registry.directory().all())

    assert [site.subdomain for site in sites] == ["z", "c", "a", "b"]


def test_sites_are_sorted_when_they_change() -> None:
    """Not at each request, and not at each reading: what is kept beside them stays good."""
    registry = Registry(ALAMEDA)

    async def ask() -> None:
        directory = registry.directory()
        first = await directory.all()
        registry.now += 10
        assert await directory.all() is first
        registry.sites["alameda.ca"] = replace(ALAMEDA, pages=7)
        assert await directory.all() is first
        registry.now += 10
        assert await directory.all() == [replace(ALAMEDA, pages=7)]
        assert await directory.find("alameda.ca") == replace(ALAMEDA, pages=7)
        del registry.sites["alameda.ca"]
        registry.now += 10
        assert await directory.all() == []
        assert registry.reads == 4

    asyncio.run(ask())


def test_a_title_leaves_out_what_is_unknown() -> None:
    """Name and state, or the name alone."""
    assert ALAMEDA.title == "Alameda, CA"
    assert replace(ALAMEDA, state="").title == "Alameda"


def test_without_a_first_snapshot_nobody_guesses() -> None:
    """Unread is not unregistered; and the registry is not asked by each request."""
    registry = Registry(ALAMEDA)
    registry.error = OSError("no such table")

    async def ask() -> None:
        directory = registry.directory()
        for _ in range(5):
            with pytest.raises(DirectoryUnavailableError):
                await directory.all()
            with pytest.raises(DirectoryUnavailableError) as caught:
                await directory.find("alameda.ca")
            assert caught.value.__cause__ is registry.error
        assert registry.reads == 1
        registry.error = None
        registry.now += 10
        assert await directory.find("alameda.ca") == ALAMEDA

    asyncio.run(ask())
