"""Regular expression for a domain name."""

import re

# RFC 1035, sections 2.3.1 and 2.3.4, in lower case only.
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
MAX_LENGTH = 253


def is_domain_name(value: str) -> bool:
    return len(value) <= MAX_LENGTH and _DOMAIN_NAME.fullmatch(value) is not None
