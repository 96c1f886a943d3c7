"""Bugsink in an environment of its own, and databases to start from; each made once."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.support.cache import cache_of, cached, digest
from tests.support.environment import clean_environment
from tests.support.processes import HOST
from tests.support.venvs import venv_of

if TYPE_CHECKING:
    from pathlib import Path

REQUIREMENTS = ("bugsink==2.6.2",)
# It asks for a newer one than some indexes have, and meets no certificate here.
OVERRIDES = ("certifi",)

USER = "clerk@example.com"
PASSWORD = "a-long-enough-secret"
TOKEN = "5eed" * 10

# Added to what its own `local` template says, which takes events in while
# their sender waits: no worker process, and what was accepted can be read.
_CONFIGURATION = """
import os
from pathlib import Path

_HERE = Path(__file__).parent
DATABASES["default"]["NAME"] = _HERE / "db.sqlite3"
DATABASES["snappea"]["NAME"] = _HERE / "snappea.sqlite3"
BUGSINK["BASE_URL"] = os.environ["BUGSINK_BASE_URL"]
BUGSINK["INGEST_STORE_BASE_DIR"] = _HERE / "ingestion"
BUGSINK["PHONEHOME"] = False
"""

# One program for all of it, since each start costs a second. A team and a
# token's value can't be had from its commands.
_PREPARE = """
import sys

import django

django.setup()

from bsmain.models import AuthToken
from django.contrib.auth import get_user_model
from django.core.management import call_command
from phonehome.models import Installation
from projects.models import Project
from teams.models import Team

user, password, token = sys.argv[1:]
for database in ("default", "snappea"):
    call_command("migrate", database=database, verbosity=0)
get_user_model().objects.create_superuser(user, user, password)
AuthToken.create_full_access(token=token)
Project.objects.create(name="host", team=Team.objects.create(name="team"))
# A banner on each page, otherwise.
Installation.objects.update(silence_email_system_warning=True)
"""


def bugsink_python() -> Path:
    """Give the Python that has Bugsink."""
    return venv_of(REQUIREMENTS, overrides=OVERRIDES)


def bugsink_template() -> Path:
    """Give a folder to copy: settings and migrated databases with one of each.

    A superuser, a token, a team and its project, number 1. No events.
    """
    python = bugsink_python()

    def build(folder: Path) -> None:
        folder.mkdir()
        create = python.with_name("bugsink-create-conf")
        _run(folder, str(create), "--template=local", f"--host={HOST}")
        with (folder / "bugsink_conf.py").open("a") as settings:
            settings.write(_CONFIGURATION)
        _run(folder, str(python), "-c", _PREPARE, USER, PASSWORD, TOKEN)

    installed = python.parents[1].name
    name = digest(installed, _CONFIGURATION, _PREPARE, USER, PASSWORD, TOKEN)
    return cached(cache_of("bugsink"), name, build)


def bugsink_environment(url: str) -> dict[str, str]:
    """Give the environment of a Bugsink that is reached at `url`."""
    return clean_environment(DJANGO_SETTINGS_MODULE="bugsink_conf", BUGSINK_BASE_URL=url)


def _run(folder: Path, *command: str) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env=bugsink_environment(f"http://{HOST}"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    if done.returncode:
        raise AssertionError(f"{command[0]} failed:\n{done.stdout}")
