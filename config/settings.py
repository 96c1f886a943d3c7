"""Django's settings. The values come from `config.environment`."""

import os
import re

from config import paths
from config.environment import PROJECT, read_environment

environment = read_environment(os.environ)

# djp looks for plugins while it is imported, so the folder is set before.
os.environ["DJP_PLUGINS_DIR"] = str(environment.plugins_dir)

import djp  # noqa: E402

import telemetry  # noqa: E402

BASE_DIR = PROJECT
DEBUG = environment.debug
SECRET_KEY = environment.secret_key
SITES_DIR = environment.sites_dir
SITES_POOL_SIZE = environment.sites_pool_size
ROOT_DOMAINS = environment.root_domains

# A leading dot stands for the domain and all below it.
OTHER_NAMES = ("127.0.0.1", "[::1]")
ALLOWED_HOSTS = [*(f".{domain}" for domain in ROOT_DOMAINS), *OTHER_NAMES]

# No SECURE_PROXY_SSL_HEADER: Django would believe it of anyone who sends it.
# The scheme is the server's to say, which trusts those it was told to trust by
# --forwarded-allow-ips.
HTTPS = environment.https
SECURE_SSL_REDIRECT = HTTPS
# Whoever asks for a worker's health speaks to the worker, not to the proxy.
SECURE_REDIRECT_EXEMPT = [f"^{re.escape(path.removeprefix('/'))}$" for path in paths.PROBES]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS

# Nobody but the admin's pages needs them, and a public page without cookies
# can be cached by whoever stands in between.
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = paths.ADMIN
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "config.sites",
    "telemetry.system_checks",
]
MIDDLEWARE = [
    # Django's deployment check looks for three of these by their own names, and
    # each of their methods is a trip to a thread. Ours make none.
    "django.middleware.security.SecurityMiddleware",
    "config.static_files.StaticFilesMiddleware",
    "config.middleware.CommonMiddleware",
    "config.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "config.middleware.AuthenticationMiddleware",
    "config.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {"default": environment.database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGGING = telemetry.logging_config(debug=DEBUG)
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = "/static/"
# From where they are installed: a checkout serves them without collectstatic. An image has made
# this folder, and serves what it has collected there.
_collected = BASE_DIR / "static"
STATIC_ROOT = _collected if _collected.is_dir() else None
WHITENOISE_USE_FINDERS = STATIC_ROOT is None
# Their names don't change with their content, so that a browser has to ask
# again one day; in between, a page costs it nothing.
WHITENOISE_MAX_AGE = 0 if DEBUG else 3600

djp.settings(globals())
