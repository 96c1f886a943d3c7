"""The Django instrumentor: contrib's arguments, one SERVER span with the edge's, and no silence."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined]
    BaseInstrumentor,
)
from opentelemetry.util.http import parse_excluded_urls

from telemetry import private_api
from telemetry.exceptions import InstrumentationError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

# As Django documents it.
SETTINGS_VARIABLE = "DJANGO_SETTINGS_MODULE"
MIDDLEWARE = "telemetry.django.middleware.DjangoMiddleware"
# Contrib's, by name: importing its module reads Django's settings.
SQL_COMMENTER = (
    "opentelemetry.instrumentation.django.middleware.sqlcommenter_middleware.SqlCommenter"
)


class DjangoInstrumentor(BaseInstrumentor):  # type: ignore[misc] # contrib is untyped
    """Adds a middleware that tells the edge's request record the route and the view.

    Not a subclass of contrib's ``DjangoInstrumentor``: subclasses share its singleton.
    """

    def instrumentation_dependencies(self) -> Collection[str]:
        """The releases that this works with."""
        return ("django >= 5.2",)

    def instrument(self, **kwargs: Any) -> None:
        """Instrument Django.

        Args:
            **kwargs: contrib's: ``excluded_urls`` (comma list of expressions), ``request_hook``
                (span, request), ``response_hook`` (span, request, response),
                ``middleware_position``, ``is_sql_commentor_enabled``; and
                ``traced_request_attributes``, names of Django's request to record. Providers
                are accepted and not needed: the edge makes the span.

        Raises:
            InstrumentationError: before settings can be imported, while they are
                being imported, after the application was made, or twice.
        """
        if self.is_instrumented_by_opentelemetry:
            raise InstrumentationError(
                "Django is instrumented already: remove the second "
                "DjangoInstrumentor().instrument() or telemetry.instrument()"
            )
        _check_moment()
        super().instrument(**kwargs)

    def _instrument(self, **kwargs: Any) -> None:
        from django.conf import settings
        from django.core.signals import got_request_exception

        from telemetry.django.middleware import DjangoMiddleware, request_failed

        got_request_exception.connect(request_failed)

        excluded = kwargs.get("excluded_urls")
        DjangoMiddleware.excluded_urls = parse_excluded_urls(excluded) if excluded else None
        DjangoMiddleware.request_hook = _hook(kwargs.get("request_hook"))
        DjangoMiddleware.response_hook = _hook(kwargs.get("response_hook"))
        DjangoMiddleware.traced_attributes = tuple(kwargs.get("traced_request_attributes") or ())
        middleware = list(settings.MIDDLEWARE)
        position = kwargs.get("middleware_position") or 0
        position = position if 0 <= position <= len(middleware) else 0
        if kwargs.get("is_sql_commentor_enabled"):
            middleware.insert(position, SQL_COMMENTER)
        middleware.insert(position, MIDDLEWARE)
        settings.MIDDLEWARE = middleware

    def _uninstrument(self, **kwargs: Any) -> None:
        from django.conf import settings
        from django.core.signals import got_request_exception

        from telemetry.django.middleware import request_failed

        got_request_exception.disconnect(request_failed)
        added = (MIDDLEWARE, SQL_COMMENTER)
        settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name not in added]


def _hook(hook: Callable[..., None] | None) -> staticmethod[..., None] | None:
    return staticmethod(hook) if hook is not None else None


def settings_are_due() -> bool:
    """Whether Django's settings can be imported, and are not yet."""
    from django.conf import settings

    module = os.environ.get(SETTINGS_VARIABLE, "")
    return bool(module) and module not in sys.modules and not settings.configured


def _check_moment() -> None:
    from django.conf import settings

    module = os.environ.get(SETTINGS_VARIABLE, "")
    if not settings.configured and not module:
        # Contrib's goes on with empty settings here, and the host with it.
        raise InstrumentationError(
            "Django was instrumented too early: DJANGO_SETTINGS_MODULE is not set yet; set it "
            "before telemetry.instrument()"
        )
    importing = sys.modules.get(module)
    if importing is not None and not settings.configured:
        # Contrib's is silently lost here, and once crashed its users' hosts.
        raise InstrumentationError(
            f"Django was instrumented too early: {module} is still being imported; call "
            "telemetry.instrument() in asgi.py, after the settings and before the application"
        )
    if _application_exists():
        raise InstrumentationError(
            "Django was instrumented too late: its application exists already and would never "
            "see the middleware; call telemetry.instrument() before get_asgi_application()"
        )


def _application_exists() -> bool:
    # Django keeps no list of its handlers. One walk over the heap, at start-up,
    # beats silence for as long as the process lives.
    handler = private_api.holder(private_api.DJANGO_APPLICATION)
    if handler is None:
        return False
    return any(
        private_api.get(private_api.DJANGO_APPLICATION, thing) is not None
        for thing in gc.get_objects()
        # By type(): isinstance() would wake every lazy object on the heap.
        if issubclass(type(thing), handler)
    )
