#!/usr/bin/env python
"""Django's command line, and the host's own commands."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if sys.argv[1:2] == ["serve"]:
        # Here and not in the command: settings read DEBUG before it runs.
        os.environ.setdefault("DEBUG", "1")
    import telemetry

    # That one says what is wrong with the configuration itself.
    if sys.argv[1:2] != ["check"]:
        telemetry.configure(default_service_name="corkboard")
        # Nobody else sees what a command that a timer starts fails by.
        telemetry.report_errors()

    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except KeyboardInterrupt:
        # What a shell calls "ended by Ctrl-C"; no traceback for that.
        sys.exit(130)


if __name__ == "__main__":
    main()
