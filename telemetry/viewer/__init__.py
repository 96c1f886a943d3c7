"""The local viewer: an OTLP receiver with web pages, in a separate process and environment.

The application never imports it. `command` runs where the application's packages are,
`server` where the viewer's are.
"""
