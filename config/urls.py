"""The pages of the host itself; a site's pages are its Datasette's."""

import djp
from django.urls import path

from config import views

urlpatterns = [
    path("", views.home, name="home"),
    path("health/", views.health, name="health"),
    path("sites/<str:subdomain>/", views.visit, name="visit"),
    *djp.urlpatterns(),
]
