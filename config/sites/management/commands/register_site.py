"""`register_site SUBDOMAIN --name NAME --state ST`: add a site, or correct it."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.sites.models import register


class Command(BaseCommand):
    help = "Register a site, or update its name and state."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("subdomain", help="such as alameda.ca")
        parser.add_argument("--name", required=True, help="the municipality's name")
        parser.add_argument("--state", required=True, help="such as CA")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            site = register(options["subdomain"], options["name"], options["state"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"Registered {site}.")
