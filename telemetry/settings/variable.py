"""How an environment variable is declared: everything that is known of it, once."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Self, TypeVar

from telemetry.registry.names import Name, entries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

T = TypeVar("T")


def written(value: object) -> str:
    """A value as a variable would hold it; empty for None and for what is empty."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case tuple() | frozenset():
            return ",".join(map(str, value))
        case Mapping():
            return ",".join(f"{key}={item}" for key, item in value.items())
        case _:
            return str(value)


class Variable(Name, Generic[T]):
    """An environment variable, which *is* the string of its name. Frozen.

    The fields of `Settings`, the reference, ``.env.example``, the rows of
    ``telemetry config`` and the error messages are made from it.

    Args:
        name: as the operator sets it.
        description: what it sets. It is read alone. ``{forms}`` becomes the names of the forms.
        parse: makes the value from the text. Raises ValueError saying what is wanted.
        default: the value where the variable is not set.
        default_text: the default for readers, where ``default`` doesn't say it: it depends on
            other variables.
        write: the reverse of ``parse``, for readers.
        unit: what a number counts, such as ``s``.
        example: for ``.env.example``.
        secret: whether its text is never shown.
        strict: whether a text that can't be parsed is an error. Else it is a note, and the default
            counts: so does OpenTelemetry's SDK with some of its own variables.
        forms: the pattern of the names of narrower variables, ``{}`` in it.
        kinds: what these are for. Each takes precedence over the general variable.
    """

    __slots__ = (
        "default",
        "default_text",
        "description",
        "example",
        "forms",
        "parse",
        "secret",
        "strict",
        "unit",
    )

    description: str
    parse: Callable[[str], T]
    default: T
    default_text: str
    example: str
    unit: str
    secret: bool
    strict: bool
    forms: Mapping[str, Variable[T]]

    def __new__(
        cls,
        name: str,
        description: str,
        parse: Callable[[str], T],
        default: T,
        *,
        default_text: str | None = None,
        write: Callable[[T], str] = written,
        unit: str = "",
        example: str = "",
        secret: bool = False,
        strict: bool = True,
        forms: str = "",
        kinds: Iterable[str] = (),
    ) -> Self:
        self = super().__new__(cls, name)
        names = {kind: forms.format(kind.upper()) for kind in kinds}
        listed = forms.format(f"{{{','.join(kind.upper() for kind in names)}}}")
        known = {
            "description": description.replace("{forms}", f"`{listed}`"),
            "parse": parse,
            "default": default,
            "default_text": write(default) if default_text is None else default_text,
            "example": example,
            "unit": unit,
            "secret": secret,
            "strict": strict,
        }
        known["forms"] = MappingProxyType(
            {
                kind: Variable(
                    form, description, parse, default, unit=unit, secret=secret, strict=strict
                )
                for kind, form in names.items()
            }
        )
        for key, value in known.items():
            object.__setattr__(self, key, value)
        return self

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{self}.{name}: a declaration does not change")

    def form(self, kind: str | None) -> Variable[T]:
        """The variable for ``kind`` alone; itself for None, and where it has no form for it."""
        return self if kind is None else self.forms.get(kind, self)


def declared(*modules: ModuleType) -> list[Variable[Any]]:
    """The variables of some modules in the order of their definition, each before its forms."""
    return [
        each
        for module in modules
        for variable in entries(module, Variable)
        for each in (variable, *variable.forms.values())
    ]
