"""The registered sites of this process, read from the database.

The router and the pages share one directory. With two, each would query the database,
and they could disagree on whether a site exists.
"""

import functools

from asgiref.sync import sync_to_async
from django.db import connection

from config.sites.directory import RegisteredSite, SiteDirectory
from config.sites.models import Site


@functools.cache
def site_directory() -> SiteDirectory:
    """Return the directory of this process."""
    return SiteDirectory(sync_to_async(load_sites))


def load_sites() -> dict[str, RegisteredSite]:
    """Read every site, by subdomain. A site without a name gets its subdomain as the name."""
    try:
        rows = Site.objects.values_list("subdomain", "name", "state", "pages", "last_updated")
        return {
            subdomain: RegisteredSite(
                subdomain, name or subdomain, state or "", pages, last_updated
            )
            for subdomain, name, state, pages, last_updated in rows
        }
    finally:
        # Django closes connections only in its request cycle. A connection that stays
        # open would keep reading a database file that has been replaced.
        connection.close()
