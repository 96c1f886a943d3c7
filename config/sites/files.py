"""Which databases a site has on disk."""

from pathlib import Path

MAIN_DATABASE = "meetings.db"


def find_databases(sites_dir: Path, subdomain: str) -> list[Path]:
    """The databases below a site's folder, the main one first.

    Links are followed and then judged: what lies outside `sites_dir`, however
    it was reached, is not a site's. Hidden files are left out, half-written
    databases among them.
    """
    top = sites_dir.resolve()
    folder = (top / subdomain).resolve()
    if folder == top or not folder.is_relative_to(top):
        return []
    found = sorted(
        (path for path in folder.rglob("*.db") if not _is_hidden(path.relative_to(folder))),
        key=lambda path: (path != folder / MAIN_DATABASE, path),
    )
    targets = dict.fromkeys(path.resolve() for path in found)
    return [path for path in targets if path.is_relative_to(top) and path.is_file()]


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
