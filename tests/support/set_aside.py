"""Modules that were run before a program starts, and that it gets when it imports them.

Until then they are not in `sys.modules`: a program finds there what it has imported, and no more.
"""

from __future__ import annotations

import builtins
import os
import sys
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import PathFinder, SourceFileLoader
from sysconfig import get_path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

# It asks for a tracer and a meter when it is imported: of the providers that the program has set by
# then. It can't be undone, since the API keeps them. What imports it is not set aside either.
NEVER = "datasette.telemetry"


@contextmanager
def variables_read(note: Callable[[str], object]) -> Iterator[None]:
    """Note the names of the environment variables that are read meanwhile."""
    kind: Any = type(os.environ)
    reading = kind.__getitem__

    def read(environ: Any, name: str) -> str:
        note(name)
        value: str = reading(environ, name)
        return value

    kind.__getitem__ = read
    try:
        yield
    finally:
        kind.__getitem__ = reading


class SetAside(MetaPathFinder, Loader):
    """Imports modules, and takes those of installed packages out of `sys.modules` again."""

    def __init__(self) -> None:
        self._modules: dict[str, ModuleType] = {}
        self._specs: dict[str, ModuleSpec] = {}
        # Of each module what it imports, in that order, and the variables that it reads.
        self._needed: dict[str, dict[str, None]] = {}
        self._read: dict[str, set[str]] = {}
        # Attributes of a package that are named as one of its modules, and are another object.
        self._attributes: dict[str, dict[str, Any]] = {}

    def import_all(self, names: Iterable[str]) -> None:
        """Import these modules, if they are there, and set aside all of installed packages."""
        before = set(sys.modules)
        unimportable: dict[str, Any] = {NEVER: None}
        sys.modules.update(unimportable)
        self._import_recorded(names)
        del sys.modules[NEVER]
        installed = (get_path("purelib"), get_path("platlib"))
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None) or ""
            if name not in before and module.__spec__ and file.startswith(installed):
                self._modules[name], self._specs[name] = module, module.__spec__
        for name, module in self._modules.items():
            del sys.modules[name]
            package, _, child = name.rpartition(".")
            attributes = vars(self._modules.get(package) or sys.modules.get(package) or module)
            if attributes.get(child) is module:
                del attributes[child]
            elif child in attributes:
                self._attributes.setdefault(package, {})[child] = attributes[child]

    def forget_readers(self, variables: Iterable[str]) -> None:
        """Have modules that have read one of these environment variables run again."""
        changed = {*variables}
        forgotten = {name for name, read in self._read.items() if read & changed}
        # And what imports them.
        while (
            importing := {
                name
                for name, needed in self._needed.items()
                if name in self._modules and not forgotten.isdisjoint(needed)
            }
            - forgotten
        ):
            forgotten |= importing
        for name in forgotten:
            self._modules.pop(name, None)

    def _import_recorded(self, names: Iterable[str]) -> None:
        """Import modules; record of each what it imports and reads."""
        running: list[str] = []
        loader: Any = SourceFileLoader
        execute = loader.exec_module
        importing = builtins.__import__

        def exec_module(self_: Any, module: ModuleType) -> None:
            running.append(module.__name__)
            self._needed[module.__name__] = {}
            try:
                execute(self_, module)
            finally:
                running.pop()
            if running:
                self._needed[running[-1]][module.__name__] = None

        def recorded(
            name: str,
            globals: Mapping[str, object] | None = None,  # noqa: A002 - as that of builtins
            locals: Mapping[str, object] | None = None,  # noqa: A002
            fromlist: Sequence[str] | None = (),
            level: int = 0,
        ) -> ModuleType:
            module = importing(name, globals, locals, fromlist or (), level)
            if running:
                # `import a.b` gets a, and `from a.b import c` gets a.b.
                full = module.__name__ if fromlist or level else name
                needed = (full, *(f"{full}.{item}" for item in fromlist or ()))
                self._needed[running[-1]].update(
                    {each: None for each in needed if each in sys.modules}
                )
            return module

        def note(variable: str) -> None:
            if running:
                self._read.setdefault(running[-1], set()).add(variable)

        loader.exec_module, builtins.__import__ = exec_module, recorded
        try:
            with variables_read(note):
                for name in names:
                    with suppress(ImportError):
                        import_module(name)
        finally:
            del loader.exec_module
            builtins.__import__ = importing

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Give a module that was set aside, if the program would find the same file."""
        if name not in self._modules:
            return None
        found = PathFinder.find_spec(name, path, target)
        if found is None or found.origin != self._specs[name].origin:
            return None
        found.loader = self
        return found

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Give what was set aside."""
        return self._modules[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        """Import what it imports: this is what remains of running it."""
        name = module.__name__
        module.__spec__ = self._specs[name]
        for each in self._needed.get(name, ()):
            if each not in sys.modules:
                import_module(each)
        vars(module).update(self._attributes.get(name, {}))
