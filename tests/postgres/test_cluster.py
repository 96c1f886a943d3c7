"""The server that the other tests use."""

from __future__ import annotations

import psycopg
import pytest

from tests.support.postgres import PASSWORD, Cluster, _binary, postgres
from tests.support.processes import accepts_connections

pytestmark = pytest.mark.postgres


def test_it_wants_the_password(cluster: Cluster) -> None:
    """Or a host that loses it on the way would not be found out."""
    wrong = cluster.address("postgres").replace("planted", "other")

    with pytest.raises(psycopg.OperationalError, match="password authentication failed") as caught:
        psycopg.connect(wrong)
    assert PASSWORD not in str(caught.value)


def test_it_is_gone_afterwards() -> None:
    """Whatever the test did."""
    started = []

    def failing_test() -> None:
        with postgres() as cluster:
            started.append(cluster.port)
            assert accepts_connections(cluster.port)
            raise RuntimeError("a test that fails")

    with pytest.raises(RuntimeError, match="a test that fails"):
        failing_test()
    assert not accepts_connections(started[0])


def test_a_missing_program_is_a_failure() -> None:
    """That says what to install, and no skipped test."""
    with pytest.raises(AssertionError, match="apt-get install postgresql"):
        _binary("no-such-program")
