"""The pages of the host. A site's pages are those of its Datasette."""

import djp
from django.contrib import admin
from django.urls import path

from config import paths, views

admin.site.site_header = admin.site.site_title = "Corkboard"
admin.site.index_title = "Registered sites and who may change them"

handler500 = "config.views.server_error"

urlpatterns = [
    path("", views.home, name="home"),
    path(paths.HEALTH.removeprefix("/"), views.health, name="health"),
    path(paths.READY.removeprefix("/"), views.ready, name="ready"),
    path("sites/<str:subdomain>/", views.visit, name="visit"),
    path(paths.ADMIN.removeprefix("/"), admin.site.urls),
    *djp.urlpatterns(),
]
