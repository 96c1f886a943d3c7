"""Checks the Host header of servers on this machine, against DNS rebinding.

A page elsewhere must not read such a server through a name that it points at this machine.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


def is_known_host(host: str, names: Collection[str] = ()) -> bool:
    """Whether a Host header is an IP address, `localhost` or one of some names in lower case.

    IP addresses are safe, since DNS rebinding needs a name.
    """
    host = host.lower()
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    if name == "localhost" or name in names:
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
