import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.asgi import get_asgi_application
from sentry_sdk.integrations.asgi import SentryAsgiMiddleware

django = get_asgi_application()

from config.router import SubdomainRouter

application = SentryAsgiMiddleware(SubdomainRouter(django))
