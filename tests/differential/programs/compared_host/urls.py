"""The host's pages, and more."""

from django.urls import path, re_path

from config.urls import handler500
from config.urls import urlpatterns as pages_of_host

from . import views

__all__ = ["handler500", "urlpatterns"]

urlpatterns = [
    *pages_of_host,
    path("django/number/<int:number>/", views.number),
    path("django/text/<str:text>/", views.text),
    re_path(r"^django/expression/(?P<year>[0-9]{4})/$", views.expression),
    path("django/in-middleware/", views.asynchronous),
    *(path(f"django/{name.replace('_', '-')}/", view) for name, view in views.PAGES.items()),
]
