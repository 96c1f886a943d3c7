"""The host's own variables, read once into a frozen object.

What telemetry reads is telemetry's: nothing here knows an `OTEL_*` name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

from django.core.exceptions import ImproperlyConfigured

from config.database import database, without_secrets
from config.values import (
    UnwantedError,
    boolean,
    domains,
    plugins_folder,
    positive,
    readable_folder,
)

PROJECT = Path(__file__).resolve().parent.parent

# Not a secret: it is public, and only accepted under DEBUG.
DEVELOPMENT_KEY = "insecure-development-key-never-used-without-DEBUG"
DEFAULT_ROOT_DOMAINS = "localhost,civic.band"
DEFAULT_SITES_POOL_SIZE = "50"

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
    https: bool
    secret_key: str = field(repr=False)
    database: Mapping[str, Any] = field(repr=False)
    sites_dir: Path
    sites_pool_size: int
    root_domains: tuple[str, ...]
    plugins_dir: Path


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

    def read(
        variable: str,
        default: str,
        parse: Callable[[str], T],
        fallback: T,
        show: Callable[[str], str] = repr,
    ) -> T:
        value = environ.get(variable, "").strip() or default
        try:
            return parse(value)
        except UnwantedError as unwanted:
            problems.append(Problem(variable, show(value), str(unwanted)))
            return fallback

    debug = read("DEBUG", "false", boolean, False)
    secret_key = environ.get("SECRET_KEY", "").strip() or (DEVELOPMENT_KEY if debug else "")
    # A random one would differ between the workers of one server.
    wanted = "a long random string, the same for every worker (or DEBUG=1)"
    if serving and not secret_key:
        problems.append(Problem("SECRET_KEY", "not set", wanted))
    elif secret_key == DEVELOPMENT_KEY and not debug:
        problems.append(Problem("SECRET_KEY", "the public one for development", wanted))
    environment = Environment(
        debug=debug,
        https=read("HTTPS", str(not debug), boolean, True),
        secret_key=secret_key,
        database=read(
            "DATABASE_URL",
            f"sqlite:///{quote(str(project / 'db.sqlite3'))}",
            database,
            {},
            without_secrets,
        ),
        sites_dir=read("SITES_DIR", str(project / "sites"), readable_folder, project),
        sites_pool_size=read("SITES_POOL_SIZE", DEFAULT_SITES_POOL_SIZE, positive, 1),
        root_domains=read("ROOT_DOMAINS", DEFAULT_ROOT_DOMAINS, domains, ()),
        plugins_dir=read(
            "DJP_PLUGINS_DIR", str(project / "django_plugins"), plugins_folder, project
        ),
    )
    if problems:
        lines = "".join(f"\n  {problem}" for problem in problems)
        raise ImproperlyConfigured(f"The host can't start with this environment:{lines}")
    return environment
