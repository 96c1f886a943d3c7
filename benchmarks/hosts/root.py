"""Builds the application of `config.asgi` without telemetry.

`config.asgi` with nothing configured writes log lines, and spans too where another
setup has installed a provider. Both would be counted in that setup's figures.
"""

import os

from telemetry.scope import ASGIApp


def build() -> ASGIApp:
    """Build the application. Django's settings must not have been imported before."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.asgi import get_asgi_application

    application = get_asgi_application()

    # After the settings, as in `config.asgi`.
    import djp

    wrapped: ASGIApp = djp.asgi_wrapper(application)
    return wrapped
