"""Generates `.env.example` from the variables that telemetry and the host declare.

`python -m config.documents` writes it into the current folder. A test fails when it is stale.
"""

from pathlib import Path

from config import variables
from telemetry.commands.reference import VARIABLES, env_example, write
from telemetry.registry.names import entries
from telemetry.settings.variable import Variable


def documents() -> dict[Path, str]:
    """Return the generated files by their path in the repository."""
    host = entries(variables, Variable)
    # Both read DEBUG; the host's section describes it.
    sections = {
        title: [each for each in listed if each not in host] for title, listed in VARIABLES.items()
    }
    return {Path(".env.example"): env_example({**sections, "The host": host})}


if __name__ == "__main__":
    write(documents())
