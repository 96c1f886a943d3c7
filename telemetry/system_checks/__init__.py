"""A Django application that has `manage.py check` look at telemetry's configuration.

In ``INSTALLED_APPS``: ``"telemetry.system_checks"``. It has no models.
"""
