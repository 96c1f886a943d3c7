"""The registered sites."""

from django.db import models

from config.domain_names import MAX_LENGTH
from config.sites.subdomains import validate_subdomain


class Site(models.Model):
    """A municipality whose documents this host serves."""

    subdomain = models.CharField(
        primary_key=True, max_length=MAX_LENGTH, validators=[validate_subdomain]
    )
    name = models.CharField(max_length=200)
    state = models.CharField(max_length=64)
    last_updated = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "sites"

    def __str__(self) -> str:
        return f"{self.name}, {self.state} ({self.subdomain})"


def register(subdomain: str, name: str, state: str) -> Site:
    """Create or update a site; the rest of its row stays.

    Raises ValidationError when a value can't be stored.
    """
    site = Site.objects.filter(pk=subdomain).first() or Site(subdomain=subdomain)
    site.name, site.state = name, state
    site.full_clean(validate_unique=False)
    site.save()
    return site
