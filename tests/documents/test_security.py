"""What the documents say to type works."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.support.paths import ROOT


def test_the_check_in_security_md_runs() -> None:
    """As it stands, with nothing planted and nothing sent."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    [check] = re.findall(r"```python\n(from telemetry\.testing.*?)```", text, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", check], input="\n", capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:")
