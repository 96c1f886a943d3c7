"""Reads one variable after the other and collects what is wrong with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from telemetry.exceptions import HIDDEN, Problem
from telemetry.registry.names import Variable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
D = TypeVar("D")

# An address may hold a user and a password before its host.
_CREDENTIALS = re.compile(r"(?<=//)[^/\s]*@")


class Reader:
    """A mapping of variables; an empty value counts as unset, as OpenTelemetry specifies."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[Problem] = []
        self.notes: list[str] = []

    def text(self, *variables: str) -> str | None:
        """The first of the variables that is set, or None."""
        for variable in variables:
            value = self.environ.get(variable, "").strip()
            if value:
                return value
        return None

    def parsed(self, parse: Callable[[str], T], default: D, *variables: str) -> T | D:
        """The first that is set, parsed; a problem and the default if that fails."""
        for variable in variables:
            value = self.environ.get(variable, "").strip()
            if not value:
                continue
            try:
                return parse(value)
            except ValueError as error:
                self.problem(variable, value, str(error))
                return default
        return default

    def problem(self, variable: str, given: str, wanted: str) -> None:
        """Note a problem; a secret's value is not repeated."""
        secret = isinstance(variable, Variable) and variable.secret
        secret = secret or variable.endswith("_HEADERS")
        shown = HIDDEN if secret else _CREDENTIALS.sub(f"{HIDDEN}@", given)
        found = Problem(str(variable), shown, wanted)
        # A variable that is general to the signals is read once for each of them.
        if found not in self.problems:
            self.problems.append(found)
