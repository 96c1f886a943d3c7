"""The failing host as it is usually tracked: Sentry's own middleware around the application."""

from __future__ import annotations

import os

import sentry_sdk
from sentry_sdk.integrations.asgi import SentryAsgiMiddleware

from tests.end_to_end.failing.application import application as host

# Not SENTRY_DSN, with which we would track it too.
sentry_sdk.init(dsn=os.environ["USUAL_DSN"])
application = SentryAsgiMiddleware(host)
