"""Error tracking: what fails becomes an event in Bugsink or Sentry, by Sentry's SDK.

The only place that imports `sentry_sdk`, and only where SENTRY_DSN is set.
"""
