import pytest
from django.core.exceptions import ValidationError

from config.sites.subdomains import validate_subdomain


@pytest.mark.parametrize("value", ["alameda.ca", "a", "st-paul.mn", "2.0", "a" * 63])
def test_domain_names_pass(value: str) -> None:
    """A subdomain is one or more DNS labels."""
    validate_subdomain(value)


@pytest.mark.parametrize(
    "value",
    [
        "", ".", "..", "a..b", ".a", "a.", "../etc", "a/b", "a\\b", "A.ca", "a_b", "-a", "a-",
        "a b", "a\n", "ä.de", "a\0", "a" * 64, ".".join(["a" * 63] * 4),
    ],
)  # fmt: skip
def test_all_else_is_refused(value: str) -> None:
    """It also names a folder, so nothing that means something to a path passes."""
    with pytest.raises(ValidationError):
        validate_subdomain(value)
