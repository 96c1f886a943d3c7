from pathlib import Path

import pytest

from config.database import database, without_secrets
from config.values import UnwantedError

POSTGRES = "postgres://corkboard:p%40ss%2Fword@db.internal:6432/corkboard"


def test_a_file_is_found_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three slashes start at the current folder, four at the root."""
    monkeypatch.chdir(tmp_path)

    for url, path in (
        ("sqlite:///here%20too.db", tmp_path / "here too.db"),
        (f"SQLITE:///{tmp_path}/there.db", tmp_path / "there.db"),
    ):
        found = database(url)
        assert found["ENGINE"] == "django.db.backends.sqlite3"
        assert found["NAME"] == path


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "PostgreSQL"])
def test_postgres_is_taken_apart(scheme: str) -> None:
    """By its two names; a server that is gone is given up on before a visitor does."""
    found = database(POSTGRES.replace("postgres:", f"{scheme}:"))

    assert found["ENGINE"] == "django.db.backends.postgresql"
    assert found["USER"] == "corkboard"
    assert found["PASSWORD"] == "p@ss/word"
    assert (found["HOST"], found["PORT"]) == ("db.internal", 6432)
    assert found["NAME"] == "corkboard"
    assert found["OPTIONS"] == {"connect_timeout": 3}
    # Kept ones belong to a thread, and an asynchronous host has a new one for each request.
    assert found["CONN_MAX_AGE"] == 0


def test_libpqs_options_are_in_the_query() -> None:
    """Those of one's own win."""
    found = database(f"{POSTGRES}?sslmode=require&connect_timeout=10")

    assert found["OPTIONS"] == {"sslmode": "require", "connect_timeout": 10}


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite://:memory:",
        "sqlite://folder/db",
        "sqlite:///missing/folder/db",
        "sqlite:////",
        "db",
        "mysql://user:planted@db/corkboard",
        "postgis://user:planted@db/corkboard",
        "postgres:/user:planted@db/corkboard",
        "postgres://user:planted@db",
        "postgres://user:planted@db/",
        "postgres://user:planted",
        "postgres://user:planted/1@db/corkboard",
        "postgres://user:planted@db:port/corkboard",
        "postgres://user:planted@[db/corkboard",
        "user:planted@db/corkboard",
    ],
)
def test_what_could_not_be_opened_is_refused(url: str) -> None:
    """With what was wanted, and without the password."""
    with pytest.raises(UnwantedError) as caught:
        database(url)

    assert "planted" not in str(caught.value)
    assert "planted" not in without_secrets(url)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("sqlite:///missing/db", "'sqlite:///missing/db'"),
        (POSTGRES, "'postgres://(hidden)'"),
        ("postgres://db/corkboard?password=planted", "'postgres://(hidden)'"),
        ("planted", "(hidden)"),
        ("not a scheme://planted", "(hidden)"),
    ],
)
def test_what_may_be_shown_of_it(value: str, shown: str) -> None:
    """A file's path, since it is what was mistyped; of all else no more than its kind."""
    assert without_secrets(value) == shown
