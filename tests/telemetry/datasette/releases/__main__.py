"""Writes the guide's table of releases."""

from tests.support.paths import ROOT
from tests.telemetry.datasette.releases.run import recorded
from tests.telemetry.datasette.releases.table import NEWEST, OLDER, table, with_table

GUIDE = ROOT / "docs" / "guides" / "django-datasette.md"

if __name__ == "__main__":
    made = table({release: recorded(release) for release in (*OLDER, NEWEST)})
    GUIDE.write_text(with_table(GUIDE.read_text(), made))
