from django.apps import AppConfig


class SitesConfig(AppConfig):
    name = "config.sites"
    label = "sites"
