"""The composition root: what wraps what, in one process.

The order is the point. Telemetry is configured before any framework is
imported; Django is instrumented once its settings can be read and before it
builds its middleware; telemetry's edge is outermost, so that one span holds
the whole request, whichever side serves it.
"""

import os

import telemetry
from config.environment import read_environment
from telemetry.scope import ASGIApp


def _build_application() -> ASGIApp:
    telemetry.configure(default_service_name="corkboard")

    # What the settings let pass, since not all who read them serve: no SECRET_KEY.
    read_environment(os.environ, serving=True)

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.asgi import get_asgi_application

    telemetry.instrument()
    django_application = get_asgi_application()

    # After the settings: djp loads its plugins while it is imported, from the
    # folder that they name. Before them it would load none, silently.
    import djp

    application: ASGIApp = telemetry.asgi_wrapper(djp.asgi_wrapper(django_application))
    return application


application = _build_application()
