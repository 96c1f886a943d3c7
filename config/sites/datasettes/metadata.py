"""What a site's Datasette says of itself."""

from typing import Any

from config.sites.directory import RegisteredSite


def site_metadata(site: RegisteredSite) -> dict[str, Any]:
    """Datasette's metadata: a title and a description, as plain text."""
    description = (
        f"Agendas and minutes of public meetings in {site.title}, page by page, searchable."
    )
    if site.last_updated:
        description += f" Last updated: {site.last_updated}."
    return {"title": site.title, "description": description}
