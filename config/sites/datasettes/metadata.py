"""Metadata of a site's Datasette."""

from typing import Any

from config.sites.directory import RegisteredSite


def site_metadata(site: RegisteredSite) -> dict[str, Any]:
    """Return Datasette's metadata: title and description, as plain text."""
    description = (
        f"Agendas and minutes of public meetings in {site.title}, page by page, searchable."
    )
    if site.last_updated:
        description += f" Last updated: {site.last_updated}."
    return {"title": site.title, "description": description}
