"""`.env.example`, from what telemetry and the host declare.

`python -m config.documents` writes it into the current folder; a test fails when it is stale.
"""

from pathlib import Path

from config import variables
from telemetry.commands.reference import VARIABLES, env_example, write
from telemetry.registry.names import entries
from telemetry.settings.variable import Variable


def documents() -> dict[Path, str]:
    """Give the generated files by their path in the repository."""
    host = entries(variables, Variable)
    # DEBUG is read by both, and the host's to explain.
    sections = {
        title: [each for each in listed if each not in host] for title, listed in VARIABLES.items()
    }
    return {Path(".env.example"): env_example({**sections, "The host": host})}


if __name__ == "__main__":
    write(documents())
