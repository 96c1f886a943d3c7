"""The host with pages that fail, tracked in the usual way: with Sentry's ASGI middleware."""

import os

import sentry_sdk
from sentry_sdk.integrations.asgi import SentryAsgiMiddleware

from benchmarks.hosts.control import with_control
from benchmarks.hosts.variables import SENTRY_SINK
from tests.end_to_end.failing.application import application as bare

# Defaults otherwise, with which it detects and patches Django.
sentry_sdk.init(dsn=os.environ[SENTRY_SINK])
# Sentry's middleware declares other ASGI types.
application = with_control(SentryAsgiMiddleware(bare), sentry_sdk.flush)
