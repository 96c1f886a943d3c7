"""A Django application that has `manage.py check` look at telemetry's configuration and the host.

In ``INSTALLED_APPS``: ``"telemetry.system_checks"``. It has no models.
"""
