"""The Django instrumentor: contrib's arguments, no second SERVER span, and errors when misused."""

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

# Documented by Django.
SETTINGS_VARIABLE = "DJANGO_SETTINGS_MODULE"
MIDDLEWARE = "telemetry.django.middleware.DjangoMiddleware"
# Contrib's middleware, by name: importing its module reads Django's settings.
SQL_COMMENTER = (
    "opentelemetry.instrumentation.django.middleware.sqlcommenter_middleware.SqlCommenter"
)


class DjangoInstrumentor(BaseInstrumentor):  # type: ignore[misc] # contrib is untyped
    """Adds the middleware that records the route and the view of each request.

    Not a subclass of contrib's ``DjangoInstrumentor``: subclasses share its singleton.
    """

    def instrumentation_dependencies(self) -> Collection[str]:
        """The supported releases of Django."""
        return ("django >= 5.2",)

    def instrument(self, **kwargs: Any) -> None:
        """Instrument Django.

        Args:
            **kwargs: contrib's arguments: ``excluded_urls`` (comma-separated regular
                expressions), ``request_hook`` (span, request), ``response_hook``
                (span, request, response), ``middleware_position``,
                ``is_sql_commentor_enabled``; and ``traced_request_attributes``, names of
                attributes of Django's request to record. Providers are accepted and
                ignored: the edge starts the span.

        Raises:
            InstrumentationError: if Django's settings can't be imported yet or are being
                imported, if the application exists already, or at a second call.
        """
        if self.is_instrumented_by_opentelemetry:
            raise InstrumentationError(
                "Django is instrumented already: remove the second "
                "DjangoInstrumentor().instrument() or telemetry.instrument()"
            )
        _check_timing()
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


def _check_timing() -> None:
    from django.conf import settings

    module = os.environ.get(SETTINGS_VARIABLE, "")
    if not settings.configured and not module:
        # Contrib's instrumentor configures Django with empty settings here.
        raise InstrumentationError(
            "Django was instrumented too early: DJANGO_SETTINGS_MODULE is not set yet; set it "
            "before telemetry.instrument(), or set OTEL_PYTHON_DJANGO_INSTRUMENT=false if the host "
            "does not use Django"
        )
    importing = sys.modules.get(module)
    if importing is not None and not settings.configured:
        # Contrib's middleware is silently lost here, and an earlier release
        # crashed the host.
        raise InstrumentationError(
            f"Django was instrumented too early: {module} is still being imported; call "
            "telemetry.instrument() in asgi.py, after the settings and before the application"
        )
    if application_exists():
        raise InstrumentationError(
            "Django was instrumented too late: its application exists already and would never "
            "see the middleware; call telemetry.instrument() before get_asgi_application()"
        )


def application_exists() -> bool:
    """Whether an application of Django has been created, with its middleware."""
    # Django has no list of its handlers. One pass over the heap at start-up is
    # better than a middleware that is silently missing.
    handler = private_api.holder(private_api.DJANGO_APPLICATION)
    if handler is None:
        return False
    return any(
        private_api.get(private_api.DJANGO_APPLICATION, thing) is not None
        for thing in gc.get_objects()
        # By type(): isinstance() would evaluate every lazy object on the heap.
        if issubclass(type(thing), handler)
    )
