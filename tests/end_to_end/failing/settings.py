"""The host's settings, with a middleware and pages that fail."""

from config.settings import *  # noqa: F403
from config.settings import MIDDLEWARE

ROOT_URLCONF = "tests.end_to_end.failing.urls"
MIDDLEWARE = [*MIDDLEWARE, "tests.end_to_end.failing.views.failing_middleware"]
