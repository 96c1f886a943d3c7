"""`config.asgi` without telemetry: what the others are compared with."""

import os

import django
from django.core.asgi import get_asgi_application

from benchmarks.hosts.control import with_control

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

# After the settings, as in `config.asgi`.
import djp  # noqa: E402

application = with_control(djp.asgi_wrapper(get_asgi_application()))
