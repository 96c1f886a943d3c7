"""Django's settings. The values come from `config.environment`."""

import os

from config.environment import PROJECT, read_environment

environment = read_environment(os.environ)

# djp looks for plugins while it is imported, so the folder is set before.
os.environ["DJP_PLUGINS_DIR"] = str(environment.plugins_dir)

import djp  # noqa: E402

BASE_DIR = PROJECT
DEBUG = environment.debug
SECRET_KEY = environment.secret_key
SITES_DIR = environment.sites_dir
ROOT_DOMAINS = environment.root_domains

# A leading dot stands for the domain and all below it.
ALLOWED_HOSTS = [*(f".{domain}" for domain in ROOT_DOMAINS), "127.0.0.1", "[::1]"]

INSTALLED_APPS = ["config.sites"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": environment.database,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

djp.settings(globals())
