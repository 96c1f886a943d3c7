"""`serve`: run the host on this machine, from an empty checkout, with demonstration sites."""

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.sites.models import Site
from config.variables import PORT, VIEWER_PORT
from telemetry import ConfigurationError
from telemetry.settings import read_settings
from telemetry.settings.variable import Variable
from telemetry.settings.variables import EXPORTERS
from telemetry.viewer.addresses import why_taken
from telemetry.viewer.beside import start_beside

# A client's slow download must not delay Ctrl-C.
_GRACEFUL_SECONDS = 3
_LISTED = 3
# Short delays, so that a page is in the viewer at once.
_SOON = {
    "OTEL_BSP_SCHEDULE_DELAY": "500",
    "OTEL_BLRP_SCHEDULE_DELAY": "500",
    "OTEL_METRIC_EXPORT_INTERVAL": "5000",
    # Printed every five seconds, metrics would push the requests off the terminal.
    "OTEL_METRICS_EXPORTER": "otlp",
}


class Command(BaseCommand):
    help = "Serve the home page and every site on this machine; demonstration sites if none."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", help=f"default: the variable {PORT}, else {PORT.default}")
        parser.add_argument(
            "--viewer-port", help=f"default: the variable {VIEWER_PORT}, else {VIEWER_PORT.default}"
        )
        parser.add_argument("--no-viewer", action="store_true", help="do not start the viewer")

    def handle(self, *args: Any, **options: Any) -> None:
        host = options["host"]
        port = _port(PORT, options["port"])
        viewer_port = _port(VIEWER_PORT, options["viewer_port"])
        wants_viewer = not options["no_viewer"] and not _goes_elsewhere()
        # First, since creating the demonstration sites takes a while.
        _require_free(host, port, PORT)
        if wants_viewer:
            _require_free("127.0.0.1", viewer_port, VIEWER_PORT)
        call_command("migrate", interactive=False, verbosity=0)
        if not Site.objects.exists():
            self.stdout.write("No site is registered: generating three demonstration sites.")
            call_command("demo_sites", stdout=self.stdout)
        viewer = self._start_viewer(viewer_port) if wants_viewer else None
        self._print_addresses(port, viewer)
        self.stdout.flush()
        # A new program, not uvicorn.run(): Django is already set up in this process, and
        # telemetry must be configured before that. It replaces this process, so that
        # Ctrl-C and a supervisor's signals reach the server itself.
        os.execv(sys.executable, _server(host, port))  # noqa: S606 - no shell wanted

    def _start_viewer(self, port: int) -> str | None:
        try:
            address = start_beside(port, self.stdout.write)
        except OSError as error:
            self.stderr.write(f"No viewer: {error}")
            return None
        # For the server that replaces this process. Variables that are set take precedence.
        for name, value in {
            "OTEL_EXPORTER_OTLP_ENDPOINT": address,
            "TELEMETRY_TRACE_URL": f"{address}/trace/{{trace_id}}",
            **_SOON,
        }.items():
            os.environ.setdefault(name, value)
        return address

    def _print_addresses(self, port: int, viewer: str | None) -> None:
        self.stdout.write("Starting. Once the server says that it runs, open:")
        roots = settings.ROOT_DOMAINS
        root = "localhost" if "localhost" in roots else roots[0]
        self.stdout.write(f"  Home page: http://{root}:{port}/")
        for site in Site.objects.order_by("subdomain")[:_LISTED]:
            self.stdout.write(
                f"  {site.name}, {site.state}: http://{site.subdomain}.{root}:{port}/"
            )
        if viewer:
            self.stdout.write(f"  Viewer: {viewer}/")


def _goes_elsewhere() -> bool:
    """Whether the environment configures a destination of telemetry. No viewer is started then."""
    try:
        exporters = read_settings(os.environ, debug=settings.DEBUG).exporters
    except ConfigurationError:
        # The server reports the error.
        return True
    chosen = any(os.environ.get(str(variable)) for variable in EXPORTERS.values())
    # The console is the default under DEBUG. No exporter at all means that telemetry is disabled.
    disabled = settings.DEBUG and not any(exporters.values())
    others = any(name != "console" for names in exporters.values() for name in names)
    return chosen or disabled or others


def _port(variable: Variable[int], option: str | None) -> int:
    value = option or os.environ.get(variable)
    if not value:
        return variable.default
    try:
        return variable.parse(value)
    except ValueError:
        source = f"--{_option(variable)}" if option else variable
        raise CommandError(f"{source} is {value!r}: wanted a port between 1 and 65535") from None


def _option(variable: Variable[int]) -> str:
    return variable.lower().replace("_", "-")


def _require_free(host: str, port: int, variable: Variable[int]) -> None:
    reason = why_taken(host, port)
    if reason is None:
        return
    other = port + 1 if port < 65535 else PORT.default
    without = ", or none: --no-viewer" if variable == VIEWER_PORT else ""
    raise CommandError(
        f"Can't listen on {host} port {port}: {reason}. Choose another: "
        f"python manage.py serve --{_option(variable)} {other} (or set {variable}){without}."
    )


def _server(host: str, port: int) -> list[str]:
    return [
        sys.executable,
        *("-m", "uvicorn", "config.asgi:application"),
        *("--app-dir", str(settings.BASE_DIR)),
        *("--host", host, "--port", str(port)),
        "--no-access-log",
        *("--timeout-graceful-shutdown", str(_GRACEFUL_SECONDS)),
    ]
