#!/bin/sh
# What a container runs: its command, after the migrations if that is the server. Static files are
# in the image. `exec`, so that the server is the process that is told to end.
set -eu

if [ "${1:-}" = gunicorn ]; then
    # Standard output has nothing but log lines of JSON.
    python3 manage.py migrate --noinput >&2
fi
exec "$@"
