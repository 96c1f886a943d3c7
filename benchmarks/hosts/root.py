"""`config.asgi` without telemetry, for who has their own, or none.

Not `config.asgi` with nothing configured: that writes log lines, and on a peer's
provider spans too, which would be in the peer's figures.
"""

import os

from telemetry.scope import ASGIApp


def build() -> ASGIApp:
    """Put the host together. Django's settings may not have been imported before."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.asgi import get_asgi_application

    application = get_asgi_application()

    # After the settings, as there.
    import djp

    wrapped: ASGIApp = djp.asgi_wrapper(application)
    return wrapped
