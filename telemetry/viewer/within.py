"""Entry point for the viewer's Python, which imports only this package of the application's.

A folder on the path would also import everything that is installed beside the package.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def _load_package() -> None:
    spec = importlib.util.spec_from_file_location(
        _PACKAGE.name, _PACKAGE / "__init__.py", submodule_search_locations=[str(_PACKAGE)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{_PACKAGE} is no package")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_PACKAGE.name] = module
    spec.loader.exec_module(module)


if __name__ == "__main__":
    _load_package()
    from telemetry.viewer.server.main import main

    sys.exit(main())
