"""Where the repository is, and what tests leave in it to be looked at."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "build" / "pictures"
