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
        self.suppliers: dict[tuple[str, ...], str] = {}
        """Of the variables that were asked for one value, in their order: that which had it."""

    def text(self, *asked: str | tuple[str, Callable[[], str | None]]) -> str | None:
        """The first value that there is, or None.

        Args:
            *asked: variables, or pairs of one and what makes the value of it.
        """
        pairs = [(each, None) if isinstance(each, str) else each for each in asked]
        for variable, make in pairs:
            value = self._value(variable) if make is None else make()
            if value:
                self.suppliers[tuple(name for name, _ in pairs)] = variable
                return value
        return None

    def supplier(self, *variables: str) -> str | None:
        """The first of the variables that is set, or None."""
        self.text(*variables)
        return self.suppliers.get(variables)

    def parsed(self, parse: Callable[[str], T], default: D, *variables: str) -> T | D:
        """The first that is set, parsed; a problem and the default if that fails."""
        variable = self.supplier(*variables)
        return default if variable is None else self._parsed(parse, default, variable)

    def check(self, parse: Callable[[str], object], variable: str) -> None:
        """Note a problem if it is set and can't be parsed, since others than us read it."""
        if self._value(variable):
            self._parsed(parse, None, variable)

    def _value(self, variable: str) -> str:
        return self.environ.get(variable, "").strip()

    def _parsed(self, parse: Callable[[str], T], default: D, variable: str) -> T | D:
        value = self._value(variable)
        try:
            return parse(value)
        except ValueError as error:
            self.problem(variable, value, str(error))
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
