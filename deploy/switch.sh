#!/bin/sh
# Switches from blue to green or from green to blue: starts a release beside the one that serves, waits
# until it is ready, and then stops the other. If it does not become ready, the other continues to serve.
#
#   RELEASE_SHA=0123abc deploy/switch.sh
#
# The way back is the same command with the previous release.
set -eu
cd "$(dirname "$0")/.."
: "${RELEASE_SHA:?wanted the release to start, which is the tag of its image}"

running=$(docker compose ps --services --status running)
case "$running" in
    *blue*green* | *green*blue*)
        echo "switch: both blue and green are running: stop one with docker compose stop" >&2
        exit 1
        ;;
    *blue*) old=blue new=green ;;
    *green*) old=green new=blue ;;
    *) old='' new=blue ;;
esac

if ! docker compose up --detach --no-deps --wait --wait-timeout 120 "$new"; then
    docker compose logs --tail 50 "$new" >&2
    docker compose stop "$new"
    echo "switch: $RELEASE_SHA did not become ready${old:+; $old still serves}" >&2
    exit 1
fi
if [ -n "$old" ]; then
    docker compose stop "$old"
fi
echo "switch: $new serves $RELEASE_SHA"
