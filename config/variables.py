"""All environment variables that the host reads itself. Telemetry declares its own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.database import database
from config.values import domains, plugins_folder, positive, readable_folder
from telemetry.settings import parse
from telemetry.settings.variable import Variable

# In the project's folder, as are the default folders.
DATABASE_FILE = "db.sqlite3"

DEBUG = Variable(
    "DEBUG",
    "Whether Django is in debug mode. Under it, telemetry goes to the console unless an exporter "
    "is set.",
    parse.boolean,
    False,
)
SECRET_KEY = Variable(
    "SECRET_KEY",
    "Django's secret key. Needed unless DEBUG is set.",
    parse.text,
    "",
    secret=True,
)
DATABASE_URL: Variable[Mapping[str, Any]] = Variable(
    "DATABASE_URL",
    "Database in which sites are registered: `sqlite:///PATH`, or "
    "`postgres://USER:PASSWORD@HOST:PORT/NAME`.",
    database,
    {},
    default_text=f"sqlite:///{DATABASE_FILE}",
    secret=True,
)
SITES_DIR = Variable(
    "SITES_DIR",
    "Folder of the sites: `SITES_DIR/<subdomain>/meetings.db` is a site's database.",
    readable_folder,
    Path("sites"),
)
ROOT_DOMAINS: Variable[tuple[str, ...]] = Variable(
    "ROOT_DOMAINS",
    "Domains whose subdomains are the sites: a comma list.",
    domains,
    ("localhost", "civic.band"),
)
SITES_POOL_SIZE = Variable(
    "SITES_POOL_SIZE",
    "Number of sites whose Datasette a process keeps open.",
    positive,
    50,
)
HTTPS = Variable(
    "HTTPS",
    "Whether requests by plain HTTP are redirected to HTTPS.",
    parse.boolean,
    None,
    default_text="true, under DEBUG false",
)
PUBLIC_PORT: Variable[int | None] = Variable(
    "PUBLIC_PORT",
    "Port that browsers use, in redirects and links. The Host header's port is not used.",
    parse.port,
    None,
    default_text="443 with HTTPS, otherwise the server's",
)
TRUSTED_PROXIES: Variable[int | None] = Variable(
    "TRUSTED_PROXIES",
    "Number of proxies in front of gunicorn, each of which appends to X-Forwarded-For. Only the "
    "last of them may reach the port. Unset: FORWARDED_ALLOW_IPS lists trusted addresses.",
    positive,
    None,
)
DJP_PLUGINS_DIR = Variable(
    "DJP_PLUGINS_DIR",
    "Folder of the host's djp plugins.",
    plugins_folder,
    Path("django_plugins"),
)
PORT = Variable(
    "PORT",
    "Port that the server listens on.",
    parse.port,
    8000,
)
VIEWER_PORT = Variable(
    "VIEWER_PORT",
    "Port on 127.0.0.1 that `manage.py serve` starts the telemetry viewer on.",
    parse.port,
    4318,
)
