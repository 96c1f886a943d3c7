"""ASGI entry point, which composes telemetry, Django and the router.

The order matters. Telemetry is configured before any framework is
imported. Django is instrumented once its settings can be read, and before it
builds its middleware. Telemetry's edge is outermost, so that one span covers
the whole request, whether Django or a Datasette serves it.
"""

import os

import telemetry
from config.environment import read_environment
from telemetry.scope import ASGIApp


def _build_application() -> ASGIApp:
    telemetry.configure(default_service_name="corkboard")

    # Requires a SECRET_KEY. The settings don't, since commands that don't serve read them too.
    read_environment(os.environ, serving=True)

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.asgi import get_asgi_application

    telemetry.instrument()
    django_application = get_asgi_application()

    # After the settings: djp loads its plugins when it is imported, from the
    # folder that they set. Before them it would load none, without an error.
    import djp

    application: ASGIApp = telemetry.asgi_wrapper(djp.asgi_wrapper(django_application))
    return application


application = _build_application()
