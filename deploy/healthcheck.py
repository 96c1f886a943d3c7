"""Exits with 0 if this container's host is ready: its database and its sites' folder respond."""

import os
import sys
from http.client import HTTPConnection, HTTPException

SECONDS = 4


def main() -> int:
    connection = HTTPConnection("127.0.0.1", int(os.environ["PORT"]), timeout=SECONDS)
    try:
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
    except (OSError, HTTPException) as error:
        print(f"not answering: {error}")  # noqa: T201 - what `docker inspect` shows
        return 1
    print(answer.read().decode())  # noqa: T201
    return 0 if answer.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
