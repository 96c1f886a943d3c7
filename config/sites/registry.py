"""The registered sites of this process, read from the database.

One directory for the router and the pages: two would each ask, and could
disagree about whether a site exists.
"""

import functools

from asgiref.sync import sync_to_async
from django.db import connection

from config.sites.directory import RegisteredSite, SiteDirectory
from config.sites.models import Site


@functools.cache
def site_directory() -> SiteDirectory:
    """The one directory of this process."""
    return SiteDirectory(sync_to_async(load_sites))


def load_sites() -> dict[str, RegisteredSite]:
    """Read every site, by subdomain; one without a name goes by that."""
    try:
        rows = Site.objects.values_list("subdomain", "name", "state", "pages", "last_updated")
        return {
            subdomain: RegisteredSite(
                subdomain, name or subdomain, state or "", pages, last_updated
            )
            for subdomain, name, state, pages, last_updated in rows
        }
    finally:
        # Outside Django's request cycle nothing else ever closes it, and a kept
        # connection goes on reading a database file that has been replaced.
        connection.close()
