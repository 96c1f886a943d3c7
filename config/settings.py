"""Django's settings. The values come from `config.environment`."""

import os
import re

from config import paths
from config.environment import PROJECT, read_environment
from config.protection import HSTS_SECONDS

environment = read_environment(os.environ)

# Set before djp is imported, which loads its plugins at that moment.
os.environ["DJP_PLUGINS_DIR"] = str(environment.plugins_dir)

import djp  # noqa: E402

import telemetry  # noqa: E402

BASE_DIR = PROJECT
DEBUG = environment.debug
SECRET_KEY = environment.secret_key
SITES_DIR = environment.sites_dir
SITES_POOL_SIZE = environment.sites_pool_size
ROOT_DOMAINS = environment.root_domains

# In ALLOWED_HOSTS, a leading dot stands for the domain and all its subdomains.
OTHER_NAMES = ("127.0.0.1", "[::1]")
ALLOWED_HOSTS = [*(f".{domain}" for domain in ROOT_DOMAINS), *OTHER_NAMES]

# No SECURE_PROXY_SSL_HEADER: Django would accept the header from any client.
# Instead, the server sets the scheme, and trusts only the proxies in
# --forwarded-allow-ips.
HTTPS = environment.https
PUBLIC_PORT = environment.public_port
SECURE_SSL_REDIRECT = HTTPS
# Health checks address a worker directly, not through the proxy.
SECURE_REDIRECT_EXEMPT = [f"^{re.escape(path.removeprefix('/'))}$" for path in paths.PROBES]
SECURE_HSTS_SECONDS = HSTS_SECONDS if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS

# Only the admin's pages need cookies. Proxies can cache a public page that sets
# none.
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
    # Django's deployment check looks for three of these by name, and runs each of
    # their methods in a thread. Those in config.middleware avoid the threads.
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
# A checkout serves files from the packages, without collectstatic. An image has this folder, and
# serves the files that collectstatic has copied there.
_collected = BASE_DIR / "static"
STATIC_ROOT = _collected if _collected.is_dir() else None
WHITENOISE_USE_FINDERS = STATIC_ROOT is None
# File names don't change with their content, so that a browser must check for a
# new version at some time. Until then no page waits for one.
WHITENOISE_MAX_AGE = 0 if DEBUG else 3600

djp.settings(globals())
