"""Rules for the subdomain of a site.

A subdomain is also the name of a folder. What is not a DNS name (`..`, a
slash, upper case) must never reach the file system.
"""

from django.core.exceptions import ValidationError

from config.domain_names import is_domain_name


def validate_subdomain(value: str) -> None:
    """Raise ValidationError unless `value` can be a site's subdomain."""
    if not is_domain_name(value):
        raise ValidationError(
            "%(value)r is no subdomain: wanted lower-case letters, digits and inner hyphens, "
            "in parts separated by dots, such as 'alameda.ca'.",
            params={"value": value},
        )
