#!/usr/bin/env python
"""Django's command line, with the host's commands."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if sys.argv[1:2] == ["serve"]:
        # Not in the command: the settings read DEBUG before it runs.
        os.environ.setdefault("DEBUG", "1")
    import telemetry

    # `check` reports problems of the configuration itself.
    if sys.argv[1:2] != ["check"]:
        telemetry.configure(default_service_name="corkboard")
        # The failure of a command that a timer starts would otherwise go unnoticed.
        telemetry.report_errors()

    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except KeyboardInterrupt:
        # The exit code of shells for Ctrl-C, without a traceback.
        sys.exit(130)


if __name__ == "__main__":
    main()
