"""The host's own variables, read once into a frozen object.

What telemetry reads is telemetry's: nothing here knows an `OTEL_*` name.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar
from urllib.parse import unquote

from django.core.exceptions import ImproperlyConfigured

from config.domain_names import is_domain_name

PROJECT = Path(__file__).resolve().parent.parent

# Not a secret: it is public, and only accepted under DEBUG.
DEVELOPMENT_KEY = "insecure-development-key-never-used-without-DEBUG"
DEFAULT_ROOT_DOMAINS = "localhost,civic.band"

_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})
_FALSE = frozenset({"0", "false", "f", "no", "n", "off"})

T = TypeVar("T")


class Problem(NamedTuple):
    variable: str
    value: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.variable} is {self.value}: wanted {self.wanted}"


@dataclass(frozen=True)
class Environment:
    debug: bool
    secret_key: str = field(repr=False)
    database: Path
    sites_dir: Path
    root_domains: tuple[str, ...]
    plugins_dir: Path


class _UnwantedError(ValueError):
    """Carries what was wanted instead of the value given."""


def read_environment(
    environ: Mapping[str, str], project: Path = PROJECT, *, serving: bool = False
) -> Environment:
    """Read the host's variables; those unset or blank get their defaults.

    Default paths lie in `project`; relative paths that were given start at the
    current folder, as in any other tool. What serves also needs a SECRET_KEY; a
    migration or a type checker does not, and Django itself refuses to sign with
    an empty one. Raises ImproperlyConfigured with all problems at once, so that
    a deployment is put right in one go.
    """
    problems: list[Problem] = []

    def read(variable: str, default: str, parse: Callable[[str], T], fallback: T) -> T:
        value = environ.get(variable, "").strip() or default
        try:
            return parse(value)
        except _UnwantedError as unwanted:
            problems.append(Problem(variable, repr(value), str(unwanted)))
            return fallback

    debug = read("DEBUG", "false", _boolean, False)
    secret_key = environ.get("SECRET_KEY", "").strip() or (DEVELOPMENT_KEY if debug else "")
    if serving and not secret_key:
        # A random one would differ between the workers of one server.
        wanted = "a long random string, the same for every worker (or DEBUG=1)"
        problems.append(Problem("SECRET_KEY", "not set", wanted))
    environment = Environment(
        debug=debug,
        secret_key=secret_key,
        database=read("DATABASE_URL", f"sqlite:///{project / 'db.sqlite3'}", _sqlite_file, project),
        sites_dir=read("SITES_DIR", str(project / "sites"), _readable_if_there, project),
        root_domains=read("ROOT_DOMAINS", DEFAULT_ROOT_DOMAINS, _domains, ()),
        plugins_dir=read(
            "DJP_PLUGINS_DIR", str(project / "django_plugins"), _plugins_folder, project
        ),
    )
    if problems:
        lines = "".join(f"\n  {problem}" for problem in problems)
        raise ImproperlyConfigured(f"The host can't start with this environment:{lines}")
    return environment


def _boolean(value: str) -> bool:
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise _UnwantedError("1, true, yes, on, or 0, false, no, off")


def _sqlite_file(value: str) -> Path:
    scheme, _, rest = value.partition(":///")
    name = unquote(rest)
    if scheme.lower() != "sqlite" or not name or name.startswith(":"):
        raise _UnwantedError("sqlite:///PATH, the only database so far (absolute: sqlite:////PATH)")
    path = Path(name).absolute()
    if not path.parent.is_dir() or path.is_dir():
        raise _UnwantedError(f"a file in an existing folder (this one would be {path})")
    return path


def _readable_if_there(value: str) -> Path:
    # Missing is fine: a host without sites is a home page, and `demo_sites`
    # creates the folder.
    path = Path(value).absolute()
    if path.exists() and not (path.is_dir() and os.access(path, os.R_OK | os.X_OK)):
        raise _UnwantedError("a readable folder, or one that doesn't exist yet")
    return path


def _domains(value: str) -> tuple[str, ...]:
    names = [name.strip().lower() for name in value.split(",")]
    domains = tuple(dict.fromkeys(name for name in names if name))
    if not domains or not all(is_domain_name(domain) for domain in domains):
        raise _UnwantedError("host names without port, separated by commas")
    return domains


def _plugins_folder(value: str) -> Path:
    # djp loads nothing, silently, from a folder that isn't there, and then
    # every site of the host is gone without a word.
    path = Path(value).absolute()
    if not any(path.glob("*.py")):
        raise _UnwantedError("a folder that holds the host's djp plugins (*.py)")
    return path
