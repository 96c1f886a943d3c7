"""Error tracking: failures become events in Bugsink or Sentry, made by Sentry's SDK.

Only this package imports `sentry_sdk`, and it is imported only if SENTRY_DSN is set.
"""
