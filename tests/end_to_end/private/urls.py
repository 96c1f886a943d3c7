"""The failing host's pages, and those that repeat what they are told."""

from django.urls import path

from config.urls import handler500
from tests.end_to_end.failing.urls import urlpatterns as failing
from tests.end_to_end.private import views

__all__ = ["handler500", "urlpatterns"]

urlpatterns = [
    *failing,
    path("repeats/path/<path:said>", views.path_said),
    path("repeats/form/", views.form),
    path("repeats/redirect/", views.redirect),
    path("repeats/raise/", views.raises),
    path("repeats/log/", views.logs),
    path("repeats/log-error/", views.logs_an_error),
    path("repeats/span/", views.spans),
    path("repeats/metric/", views.measures),
    path("repeats/local/", views.local),
]
