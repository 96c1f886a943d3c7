"""Records ten spans, log records and error events, and sends what it can.

The arguments are a prefix for their names, and a folder or none. With a folder, it waits until that
has no files that are to be sent.
"""

import logging.config
import sys
import time
from pathlib import Path

import telemetry

telemetry.configure(default_service_name="spooled")
logging.config.dictConfig(telemetry.logging_config())

from opentelemetry import trace  # noqa: E402

telemetry.report_errors()
for number in range(10):
    with trace.get_tracer("host").start_as_current_span(f"{sys.argv[1]} {number}"):
        logging.getLogger("host").warning("%s %d", sys.argv[1], number)
        try:
            raise ValueError(f"{sys.argv[1]} {number}")
        except ValueError:
            logging.getLogger(f"host.{number}").exception("failed")
telemetry.flush()

deadline = time.monotonic() + 60
for folder in map(Path, sys.argv[2:]):
    while any(folder.rglob("*.items")) and time.monotonic() < deadline:
        telemetry.flush(1)
        time.sleep(0.05)
