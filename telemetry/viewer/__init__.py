"""The local viewer: an OTLP receiver with pages, in a process and an environment of its own.

The application never loads any of it. `command` runs where the application's packages are,
`server` where the viewer's are.
"""
