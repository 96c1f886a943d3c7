"""`manage.py check --deploy`, with the environment that production has."""

import secrets
from pathlib import Path

import pytest

from config.environment import DEVELOPMENT_KEY
from tests.support.host import host_environment, manage

CHECK = ("check", "--deploy", "--fail-level", "WARNING")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A key and nothing else, as a production that keeps all defaults."""
    env = host_environment(tmp_path, SECRET_KEY=secrets.token_urlsafe(50))
    del env["HTTPS"]
    return {**env, "PYTHONWARNINGS": "error"}


def test_production_is_clean(env: dict[str, str]) -> None:
    """Nothing is found and nothing was told to be silent."""
    assert manage(*CHECK, env=env) == "System check identified no issues (0 silenced).\n"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"SECRET_KEY": "short"}, r"security\.W009"),
        ({"SECRET_KEY": ""}, r"security\.W009"),
        ({"SECRET_KEY": DEVELOPMENT_KEY}, "SECRET_KEY is the public one for development: wanted"),
        ({"HTTPS": "0"}, r"security\.W004(.|\n)*W008(.|\n)*W010(.|\n)*W016"),
        ({"DEBUG": "1"}, r"security\.W018"),
    ],
)
def test_what_is_weak_is_said(env: dict[str, str], variables: dict[str, str], said: str) -> None:
    """And fails the check."""
    with pytest.raises(AssertionError, match=said):
        manage(*CHECK, env={**env, **variables})


def test_migrations_are_complete(env: dict[str, str]) -> None:
    """The models say nothing that no migration does."""
    assert "No changes detected" in manage("makemigrations", "--check", "--dry-run", env=env)
