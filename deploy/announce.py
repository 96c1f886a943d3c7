"""`python3 -m deploy.announce RELEASE`: create a release in Bugsink before its first error.

Bugsink then resolves the issues that are marked as resolved by the next release. Needs
BUGSINK_URL, BUGSINK_PROJECT (the project's number) and BUGSINK_TOKEN. Uses only the standard
library, since it runs where nothing is installed.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS = 30
VARIABLES = ("BUGSINK_URL", "BUGSINK_PROJECT", "BUGSINK_TOKEN")
# Bugsink's message for a release that was created before, by this or by an event.
_KNOWN = "already exists"


class AnnouncementError(Exception):
    """The release was not created. Has the reason, without the token."""


def announce(release: str, environ: Mapping[str, str]) -> str:
    """Create the release, and return a message with the result.

    Raises:
        AnnouncementError: A variable is missing, or Bugsink refused the release.
    """
    missing = [name for name in VARIABLES if not environ.get(name, "").strip()]
    if missing:
        raise AnnouncementError(f"wanted {' and '.join(missing)}")
    url, project, token = (environ[name].strip() for name in VARIABLES)
    if urlsplit(url).scheme not in {"http", "https"}:
        raise AnnouncementError(f"BUGSINK_URL is {url!r}: wanted http:// or https://")
    request = Request(  # noqa: S310 - looked at above
        f"{url.rstrip('/')}/api/canonical/0/releases/",
        json.dumps({"project": project, "version": release}).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    try:
        with urlopen(request, timeout=SECONDS):  # noqa: S310
            return f"Bugsink knows of {release} in project {project}."
    except HTTPError as error:
        answer = error.read(2000).decode(errors="replace")
        if error.code == 400 and _KNOWN in answer:
            return f"Bugsink knew of {release} in project {project}."
        raise AnnouncementError(f"{url} answered {error.code}: {answer}") from None
    except (URLError, OSError) as error:
        raise AnnouncementError(f"{url}: {getattr(error, 'reason', error)}") from None


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or not arguments[0].strip():
        print("usage: python3 -m deploy.announce RELEASE", file=sys.stderr)  # noqa: T201
        return 2
    try:
        print(announce(arguments[0].strip(), os.environ))  # noqa: T201
    except AnnouncementError as error:
        print(f"announce: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
