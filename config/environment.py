"""Reads the host's variables, declared in `config.variables`, into a frozen object.

Telemetry reads its own variables, including all `OTEL_*` names.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from django.core.exceptions import ImproperlyConfigured

from config import variables as v
from config.database import without_secrets
from telemetry.settings.variable import Variable

PROJECT = Path(__file__).resolve().parent.parent

# Not a secret: it is public, and only accepted under DEBUG.
DEVELOPMENT_KEY = "insecure-development-key-never-used-without-DEBUG"

T = TypeVar("T")


@dataclass(frozen=True)
class Environment:
    debug: bool
    https: bool
    secret_key: str = field(repr=False)
    database: Mapping[str, Any] = field(repr=False)
    sites_dir: Path
    sites_pool_size: int
    root_domains: tuple[str, ...]
    public_port: int | None
    trusted_proxies: int | None
    plugins_dir: Path


def read_environment(
    environ: Mapping[str, str], project: Path = PROJECT, *, serving: bool = False
) -> Environment:
    """Read the host's variables. Those that are unset or blank get their defaults.

    Default paths are in `project`. Relative paths in variables start at the current
    folder, as in other tools. A server needs a SECRET_KEY. A migration or a
    type checker does not, and Django refuses to sign with an empty one. Raises
    ImproperlyConfigured with all problems, so that one deployment can fix them all.
    """
    problems: list[str] = []

    def problem(variable: Variable[Any], value: str, wanted: object) -> None:
        problems.append(f"{variable} is {value}: wanted {wanted}")

    def read(variable: Variable[T], default: str = "", show: Callable[[str], str] = repr) -> T:
        value = environ.get(variable, "").strip() or default
        if not value:
            return variable.default
        try:
            return variable.parse(value)
        except ValueError as wanted:
            problem(variable, show(value), wanted)
            return variable.default

    def folder(variable: Variable[Path]) -> Path:
        return read(variable, str(project / variable.default))

    debug = read(v.DEBUG)
    https = read(v.HTTPS)
    secret_key = read(v.SECRET_KEY) or (DEVELOPMENT_KEY if debug else "")
    # No random default: it would differ between the workers of one server.
    wanted = "a long random string, the same for every worker (or DEBUG=1)"
    if serving and not secret_key:
        problem(v.SECRET_KEY, "not set", wanted)
    elif secret_key == DEVELOPMENT_KEY and not debug:
        problem(v.SECRET_KEY, "the public one for development", wanted)
    environment = Environment(
        debug=debug,
        https=not debug if https is None else https,
        secret_key=secret_key,
        database=read(
            v.DATABASE_URL,
            f"sqlite:///{quote(str(project / v.DATABASE_FILE))}",
            without_secrets,
        ),
        sites_dir=folder(v.SITES_DIR),
        sites_pool_size=read(v.SITES_POOL_SIZE),
        root_domains=read(v.ROOT_DOMAINS),
        public_port=read(v.PUBLIC_PORT),
        trusted_proxies=read(v.TRUSTED_PROXIES),
        plugins_dir=folder(v.DJP_PLUGINS_DIR),
    )
    if problems:
        lines = "".join(f"\n  {problem}" for problem in problems)
        raise ImproperlyConfigured(f"The host can't start with this environment:{lines}")
    return environment
