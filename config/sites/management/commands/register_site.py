"""`register_site SUBDOMAIN --name NAME --state ST`: add or update a site."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError
from django.utils import timezone

from config.sites.models import register


class Command(BaseCommand):
    help = "Register a site, or update what is known of it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("subdomain", help="such as alameda.ca")
        parser.add_argument("--name", required=True, help="the municipality's name")
        parser.add_argument("--state", required=True, help="such as CA")
        parser.add_argument("--pages", type=int, help="how many it has, for the home page")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            site = register(
                options["subdomain"],
                options["name"],
                options["state"],
                pages=options["pages"],
                last_updated=timezone.now().isoformat(),
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except IntegrityError as error:
            # A table of another program may have constraints that the model lacks.
            raise CommandError(f"The database refused it: {error}") from error
        self.stdout.write(f"Registered {site}.")
