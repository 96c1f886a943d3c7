"""Reads variables as they are declared; keeps problems, and where each setting came from."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from telemetry.exceptions import HIDDEN, Problem
from telemetry.settings import variables as v

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from telemetry.settings.variable import Variable

T = TypeVar("T")

# An address may hold a user and a password before its host.
_CREDENTIALS = re.compile(r"(?<=//)[^/\s]*@")


class Reader:
    """A mapping of variables; an empty value counts as unset, as OpenTelemetry specifies.

    Args:
        environ: the variables.
        debug: the host's debug mode; None asks ``DEBUG``.
    """

    def __init__(self, environ: Mapping[str, str], debug: bool | None = None) -> None:
        self.environ = environ
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self.origins: dict[str, list[str]] = {}
        """By setting, the variables without which it would be the default."""
        self._debug = debug
        self._setting: str | None = None

    @property
    def debug(self) -> bool:
        """The host's debug mode."""
        return self.get(v.DEBUG) if self._debug is None else self._debug

    def given(self, variable: Variable[T], kind: str | None = None) -> Variable[T] | None:
        """The variable that is set: the form for ``kind``, else the general one, else None."""
        for each in dict.fromkeys((variable.form(kind), variable)):
            if self._text(each):
                return each
        return None

    def text(self, *variables: Variable[Any]) -> str | None:
        """The text of the first of the variables that is set, or None."""
        for variable in variables:
            text = self._text(variable)
            if text:
                self.took(variable)
                return text
        return None

    def get(
        self,
        variable: Variable[T],
        kind: str | None = None,
        *,
        parse: Callable[[str], T] | None = None,
    ) -> T:
        """The value; the default where the variable is not set or can't be understood.

        Args:
            variable: what to read.
            kind: asks its form for this first.
            parse: in place of the variable's own, where what is wanted depends on others.
        """
        given = self.given(variable, kind)
        if given is None:
            return variable.default
        text = self._text(given)
        try:
            value = (parse or variable.parse)(text)
        except ValueError as error:
            if variable.strict:
                self.problem(given, text, str(error))
            else:
                self.notes.append(f"{given}={text!r} is not used: wanted {error}")
            return variable.default
        if value != variable.default:
            self.took(given)
        return value

    def check(self, *variables: Variable[Any]) -> None:
        """Parse what is set, for its problems alone."""
        with self.aside():
            for variable in variables:
                self.get(variable)

    @contextmanager
    def setting(self, name: str) -> Iterator[None]:
        """Whatever is taken within is where this setting came from; the outermost name counts."""
        outer, self._setting = self._setting, self._setting or name
        try:
            yield
        finally:
            self._setting = outer

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Nothing that is taken within is where the setting came from."""
        outer, self._setting = self._setting, None
        try:
            yield
        finally:
            self._setting = outer

    def took(self, variable: Variable[Any]) -> None:
        """Note that the setting that is being read came from a variable."""
        if self._setting is not None:
            names = self.origins.setdefault(self._setting, [])
            if variable not in names:
                names.append(str(variable))

    def problem(self, variable: Variable[Any], given: str, wanted: str) -> None:
        """Note a problem; a secret's value is not repeated."""
        shown = HIDDEN if variable.secret else _CREDENTIALS.sub(f"{HIDDEN}@", given)
        found = Problem(str(variable), shown, wanted)
        # A variable that is general to the signals is read once for each of them.
        if found not in self.problems:
            self.problems.append(found)

    def _text(self, variable: Variable[Any]) -> str:
        return self.environ.get(variable, "").strip()
