"""Which application `manage.py check` looks at. What it reports: `commands/check/test_host.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.telemetry.scripts import printed

if TYPE_CHECKING:
    from pathlib import Path

FIND = """
import os
from django.conf import settings
settings.configure()
from telemetry.system_checks.host import application
for module in ("project.settings.production", "project.settings", "alone", ""):
    os.environ["DJANGO_SETTINGS_MODULE"] = module
    print(application())
"""


def _write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")


def test_the_application_is_beside_the_settings_or_above_them(tmp_path: Path) -> None:
    """Settings may be a module or a package; where there is no `asgi` module, there is none."""
    _write(tmp_path, "project/asgi.py", "project/settings/production.py", "alone.py")
    found = "project.asgi:application"
    assert printed(tmp_path, FIND).splitlines() == [found, found, "None", "None"]


def test_the_nearest_application_is_the_host_s(tmp_path: Path) -> None:
    """Of two `asgi` modules, the one in the settings' own package."""
    _write(tmp_path, "asgi.py", "project/settings/asgi.py", "project/settings/production.py")
    assert printed(tmp_path, FIND).splitlines() == [
        "project.settings.asgi:application",
        "asgi:application",
        "asgi:application",
        "None",
    ]
