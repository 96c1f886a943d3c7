"""`serve`: the host on this machine, ready to look at, from an empty checkout."""

import os
import socket
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.sites.models import Site

# A visitor's slow download must not keep Ctrl-C waiting.
_GRACEFUL_SECONDS = 3
_LISTED = 3


class Command(BaseCommand):
    help = "Serve the home page and every site on this machine; demonstration sites if none."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", help="default: the variable PORT, else 8000")

    def handle(self, *args: Any, **options: Any) -> None:
        host = options["host"]
        port = _port(options["port"])
        # First, since making the demonstration sites takes a while.
        _require_free(host, port)
        call_command("migrate", interactive=False, verbosity=0)
        if not Site.objects.exists():
            self.stdout.write("No site is registered: making three to look at.")
            call_command("demo_sites", stdout=self.stdout)
        self._print_addresses(port)
        self.stdout.flush()
        # A process of its own, not uvicorn.run(): this one has set Django up
        # already, before telemetry could be configured. It takes our place, so
        # that Ctrl-C and a supervisor's signals reach the server itself.
        os.execv(sys.executable, _server(host, port))  # noqa: S606 - no shell wanted

    def _print_addresses(self, port: int) -> None:
        self.stdout.write("Starting. Once the server says that it runs, open:")
        roots = settings.ROOT_DOMAINS
        root = "localhost" if "localhost" in roots else roots[0]
        self.stdout.write(f"  Home page: http://{root}:{port}/")
        for site in Site.objects.order_by("subdomain")[:_LISTED]:
            self.stdout.write(
                f"  {site.name}, {site.state}: http://{site.subdomain}.{root}:{port}/"
            )


def _port(option: str | None) -> int:
    source, value = ("--port", option) if option else ("PORT", os.environ.get("PORT") or "8000")
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= 65535):
        raise CommandError(f"{source} is {value!r}: wanted a port between 1 and 65535")
    return int(value)


def _require_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As uvicorn does, or a server stopped a moment ago would seem to run.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            other = port + 1 if port < 65535 else 8000
            raise CommandError(
                f"Can't listen on {host} port {port}: {error.strerror}. "
                f"Choose another: python manage.py serve --port {other} (or set PORT)."
            ) from error


def _server(host: str, port: int) -> list[str]:
    return [
        sys.executable,
        *("-m", "uvicorn", "config.asgi:application"),
        *("--app-dir", str(settings.BASE_DIR)),
        *("--host", host, "--port", str(port)),
        "--no-access-log",
        *("--timeout-graceful-shutdown", str(_GRACEFUL_SECONDS)),
    ]
