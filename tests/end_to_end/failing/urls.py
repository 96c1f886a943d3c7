"""The host's pages, and those that fail."""

from django.urls import path

from config.urls import handler500
from config.urls import urlpatterns as hosts
from tests.end_to_end.failing import views

__all__ = ["handler500", "urlpatterns"]

urlpatterns = [
    *hosts,
    path("fails/in-middleware/", views.async_view),
    *(
        path(f"fails/{name}/", getattr(views, name.replace("-", "_")))
        for name in (
            *("sync-view", "async-view", "in-span", "stream", "thread", "pool", "loop-pool"),
            *("dropped-pool", "dropped-task", "logged", "logged-with-exception"),
            *("logged-and-raised", "raised-from", "while-handling", "handled"),
            *("slow", "missing", "forbidden", "bad", "suspicious", "unavailable"),
        )
    ),
]
