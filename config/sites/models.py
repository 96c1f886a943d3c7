"""The registered sites."""

from django.core.validators import MinValueValidator
from django.db import models

from config.domain_names import MAX_LENGTH
from config.sites.subdomains import validate_subdomain


class Site(models.Model):
    """A municipality whose documents this host serves.

    The columns are those of CivicBand's `sites` table that a host needs.
    There another program writes them, and sometimes leaves all but the key empty.
    So columns are nullable, though a form requires a value.
    """

    subdomain = models.CharField(
        primary_key=True,
        max_length=MAX_LENGTH,
        validators=[validate_subdomain],
        help_text="Such as alameda.ca. It is also the name of the site's folder.",
    )
    name = models.CharField(max_length=255, null=True)
    state = models.CharField(max_length=255, null=True, help_text="Such as CA.")
    pages = models.IntegerField(null=True, blank=True, validators=[MinValueValidator(0)])
    # Text, as the other program writes it.
    last_updated = models.CharField(
        max_length=255, null=True, blank=True, help_text="Such as 2026-01-31T12:00:00+00:00."
    )

    class Meta:
        db_table = "sites"

    def __str__(self) -> str:
        title = ", ".join(filter(None, (self.name, self.state)))
        return f"{title} ({self.subdomain})" if title else self.subdomain


def register(
    subdomain: str,
    name: str,
    state: str,
    *,
    pages: int | None = None,
    last_updated: str | None = None,
) -> Site:
    """Create or update a site. Arguments that are not given leave their columns unchanged.

    Raises ValidationError if a value can't be stored.
    """
    site = Site.objects.filter(pk=subdomain).first() or Site(subdomain=subdomain)
    site.name, site.state = name, state
    if pages is not None:
        site.pages = pages
    if last_updated is not None:
        site.last_updated = last_updated
    site.full_clean(validate_unique=False)
    site.save()
    return site
