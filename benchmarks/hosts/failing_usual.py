"""The host with pages that fail, as it is usually tracked: Sentry's own middleware around it."""

import os

import sentry_sdk
from sentry_sdk.integrations.asgi import SentryAsgiMiddleware

from benchmarks.hosts.control import with_control
from benchmarks.hosts.variables import SENTRY_SINK
from tests.end_to_end.failing.application import application as bare

# All else by default: it finds Django and patches it.
sentry_sdk.init(dsn=os.environ[SENTRY_SINK])
# Sentry's middleware is typed for its own idea of ASGI.
application = with_control(SentryAsgiMiddleware(bare), sentry_sdk.flush)
