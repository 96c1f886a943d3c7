import logging

from django.conf import settings
from django.core.management.base import BaseCommand

logger = logging.getLogger("corkboard.commands")


class Command(BaseCommand):
    def handle(self, *args, **options):
        logger.info("counting")
        self.stdout.write(str(len(list(settings.SITES_DIR.iterdir()))))
