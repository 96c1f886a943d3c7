"""The time of telemetry's own code within the requests of a server."""

from __future__ import annotations

from benchmarks.places import PLACES, measure, table


def test_each_place_of_a_request_is_timed() -> None:
    """On each page, but for Django's view where Datasette or nothing answers."""
    columns = {page.title: found for page, found in measure(20)}
    for title, found in columns.items():
        for place in PLACES:
            assert (found[place] > 0) is (place != "django" or "Django" in title), (title, place)
        within = found["measurements"] + found["encoding"] + found["line"]
        assert within < found["end"]


def test_the_table_fits_a_terminal() -> None:
    """80 columns, a line for each place."""
    lines = [*table({name: dict.fromkeys(PLACES, 12345.6) for name in "abcd"})]
    assert len(lines) == len(PLACES) + 2
    assert max(map(len, lines)) <= 80
