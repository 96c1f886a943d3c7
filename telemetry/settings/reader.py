"""Reads declared variables, and records problems and the origin of each setting."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from telemetry.exceptions import HIDDEN, Problem
from telemetry.settings import variables as v
from telemetry.settings.secrets import hidden, secrets_of, without

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from telemetry.settings.variable import Variable

T = TypeVar("T")


class Reader:
    """Reads variables from a mapping. An empty value counts as unset, as OpenTelemetry specifies.

    Args:
        environ: The variables.
        debug: The host's debug mode. None reads ``DEBUG``.
    """

    def __init__(self, environ: Mapping[str, str], debug: bool | None = None) -> None:
        self.environ = environ
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self.origins: dict[str, list[str]] = {}
        """By setting, the variables that gave it a value other than its default."""
        self._debug = debug
        self._setting: str | None = None

    @property
    def debug(self) -> bool:
        """The host's debug mode."""
        return self.get(v.DEBUG) if self._debug is None else self._debug

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """The secrets among all variables, the longest first."""
        return secrets_of(self.environ)

    def given(self, variable: Variable[T], kind: str | None = None) -> Variable[T] | None:
        """Return the variable that is set: the form for ``kind``, the general one, or None."""
        for each in dict.fromkeys((variable.form(kind), variable)):
            if self._text(each):
                return each
        return None

    def text(self, *variables: Variable[Any]) -> str | None:
        """Return the text of the first variable that is set, or None."""
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
        """Return the parsed value, or the default if the variable is unset or invalid.

        Args:
            variable: The variable to read.
            kind: Form of the variable that takes precedence.
            parse: Replaces the variable's parser, where the valid values depend on others.
        """
        given = self.given(variable, kind)
        if given is None:
            return variable.default
        text = self._text(given)
        try:
            value = (parse or variable.parse)(text)
        except ValueError as error:
            self.problem(given, text, str(error))
            return variable.default
        if value != variable.default:
            self.took(given)
        return value

    def check(self, *variables: Variable[Any]) -> None:
        """Parse variables only to record their problems."""
        with self.aside():
            for variable in variables:
                self.get(variable)

    @contextmanager
    def setting(self, name: str) -> Iterator[None]:
        """Record the variables read within the block as this setting's origin.

        Blocks may nest; the outermost name counts.
        """
        outer, self._setting = self._setting, self._setting or name
        try:
            yield
        finally:
            self._setting = outer

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Record the variables read within the block as no setting's origin."""
        outer, self._setting = self._setting, None
        try:
            yield
        finally:
            self._setting = outer

    def took(self, variable: Variable[Any]) -> None:
        """Record that the current setting has its value from a variable."""
        if self._setting is not None:
            names = self.origins.setdefault(self._setting, [])
            if variable not in names:
                names.append(str(variable))

    def problem(self, variable: Variable[Any], given: str, wanted: str) -> None:
        """Record a problem. A secret's value is replaced."""
        shown = HIDDEN if variable.secret else hidden(given, self.secrets)
        found = Problem(str(variable), shown, without(wanted, self.secrets, given))
        # The general variables of OTLP are read once for each signal.
        if found not in self.problems:
            self.problems.append(found)

    def note(self, text: str) -> None:
        """Record a note for the operator."""
        # The general variables of OTLP are read once for each signal.
        if text not in self.notes:
            self.notes.append(text)

    def _text(self, variable: Variable[Any]) -> str:
        return self.environ.get(variable, "").strip()
