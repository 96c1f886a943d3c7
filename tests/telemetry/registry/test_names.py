"""Entries are the strings that go on the wire."""

from __future__ import annotations

import copy
import pickle

from telemetry.registry.attributes import OUTCOME, SITE
from telemetry.registry.metrics import ACTIVE_REQUESTS, REQUEST_DURATION


def test_names_on_the_wire() -> None:
    """Literals: a rename must fail here, and wants an Upgrade line in the change log."""
    assert SITE == "corkboard.site"
    assert OUTCOME == "corkboard.outcome"
    assert sorted(OUTCOME.values or ()) == ["disconnected", "error", "served", "unknown_site"]
    assert REQUEST_DURATION == "http.server.request.duration"
    assert REQUEST_DURATION.unit == "s"
    assert ACTIVE_REQUESTS == "http.server.active_requests"


def test_a_copy_is_a_plain_string() -> None:
    """The SDK deep-copies metric attributes, and the entries' constructors want arguments."""
    for duplicate in (copy.deepcopy(SITE), pickle.loads(pickle.dumps(SITE))):
        assert type(duplicate) is str
        assert duplicate == "corkboard.site"
