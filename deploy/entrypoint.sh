#!/bin/sh
# Entrypoint of the container: runs its command, and before the server the migrations. Static files are
# in the image. `exec` makes the server the process that receives signals.
set -eu

if [ "${1:-}" = gunicorn ]; then
    # Standard output contains only log lines of JSON.
    python3 manage.py migrate --noinput >&2
fi
exec "$@"
