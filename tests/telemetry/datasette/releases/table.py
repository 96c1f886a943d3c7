"""What is recorded under each release of Datasette, as the table of the guide."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OLDER = ("1.0a28", "1.0a34")
"""The oldest release that is supported, and one between."""
NEWEST = "1.0a41"
"""The first with telemetry of its own, and the newest that is locked."""
RELEASES = {
    **{release: f"=={release}" for release in (*OLDER, NEWEST)},
    "newest": f">={NEWEST}",
}

BEGIN = "<!-- releases: written by `python -m tests.telemetry.datasette.releases` -->"
END = "<!-- end -->"


def with_table(document: str, table: str) -> str:
    """The document with another table between its marks."""
    before, _, rest = document.partition(BEGIN)
    _, mark, after = rest.partition(END)
    assert mark, f"no {BEGIN} and {END} in the document"
    return f"{before}{BEGIN}\n{table}{END}{after}"


def table(found: Mapping[str, Mapping[str, str]]) -> str:
    """Write what was found, by release and by what is recorded."""
    releases: Sequence[str] = list(found)
    lines = [
        ["", *(f"Datasette {release}" for release in releases)],
        ["---"] * (len(releases) + 1),
        *([what, *(found[release][what] for release in releases)] for what in found[releases[0]]),
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
