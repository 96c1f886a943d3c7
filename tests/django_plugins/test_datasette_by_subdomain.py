import subprocess
from pathlib import Path

from tests.support.forks import python
from tests.support.host import host_environment
from tests.support.paths import ROOT

PRINT_WRAPPER = """
import django
from django.conf import settings
django.setup()
import djp
async def inner(scope, receive, send): ...
wrapped = djp.asgi_wrapper(inner)
print(type(wrapped).__name__, wrapped.app is inner)
"""


def _run(code: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    env = {**env, "DJANGO_SETTINGS_MODULE": "config.settings"}
    return python("-c", code, env=env)


def test_djp_finds_the_plugin_and_gets_the_router(tmp_path: Path) -> None:
    """As djp loads it: while the settings are read, outside sys.modules."""
    done = _run(PRINT_WRAPPER, host_environment(tmp_path))

    assert (done.stdout, done.stderr) == ("SubdomainRouter True\n", "")


def test_a_missing_plugin_folder_stops_the_host(tmp_path: Path) -> None:
    """djp alone would load nothing, silently."""
    done = _run(PRINT_WRAPPER, host_environment(tmp_path, DJP_PLUGINS_DIR=str(tmp_path / "typo")))

    assert done.returncode != 0
    assert "ImproperlyConfigured" in done.stderr
    assert f"DJP_PLUGINS_DIR is '{tmp_path / 'typo'}': wanted " in done.stderr


def test_the_plugin_folder_is_found_from_anywhere(tmp_path: Path) -> None:
    """It lies in the project and not in the current folder."""
    code = f"import sys, os; sys.path.insert(0, {str(ROOT)!r}); os.chdir('/')\n{PRINT_WRAPPER}"

    assert _run(code, host_environment(tmp_path)).stdout == "SubdomainRouter True\n"
