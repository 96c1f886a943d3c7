"""`demo_sites`: three municipalities with a few thousand pages each."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from config.sites.datasettes.files import MAIN_DATABASE
from config.sites.demo.database import write_database
from config.sites.demo.places import PLACES, Place
from config.sites.models import register


class Command(BaseCommand):
    help = "Generate and register three demonstration sites."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--sites-dir", type=Path, default=settings.SITES_DIR)
        parser.add_argument("--pages", type=int, default=3000, help="pages for each site")
        parser.add_argument("--force", action="store_true", help="replace existing databases")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["pages"] < 1:
            raise CommandError("--pages: wanted at least 1")
        written = [place for place in PLACES if self._write(place, options)]
        # After all databases: a registered site has data, and the next `serve`
        # completes a run that was interrupted.
        now = timezone.now().isoformat()
        for place in PLACES:
            new = {"pages": options["pages"], "last_updated": now} if place in written else {}
            register(place.subdomain, place.name, place.state, **new)

    def _write(self, place: Place, options: dict[str, Any]) -> bool:
        path, pages = options["sites_dir"] / place.subdomain / MAIN_DATABASE, options["pages"]
        if path.exists() and not options["force"]:
            self.stdout.write(f"{path} exists already (--force replaces it).")
            return False
        # disable=None: no bar without a terminal, such as in a build's log.
        with tqdm(total=pages, desc=place.subdomain, unit=" pages", disable=None) as bar:
            write_database(path, place, pages, bar.update)
        self.stdout.write(f"{path}: {pages} pages.")
        return True
