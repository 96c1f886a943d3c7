"""Declaration of an environment variable."""

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
    """Format a value as its variable would hold it. Empty for None and for an empty value."""
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
    """An environment variable. It *is* the string of its name, and is frozen.

    The fields of `Settings`, the reference, ``.env.example``, the rows of
    ``telemetry config`` and the error messages are made from it.

    Args:
        name: Name in the environment.
        description: What the variable sets. Must be clear without context. ``{forms}`` is
            replaced by the names of the forms.
        parse: Converts the text to the value. Raises ValueError with the wanted format.
        default: The value if the variable is not set.
        default_text: The default to display, where ``default`` doesn't show it because it
            depends on other variables.
        write: The reverse of ``parse``, for display.
        unit: Unit of a number, such as ``s``.
        example: Value in ``.env.example``.
        secret: Whether its text is never displayed.
        shared: Whether other programs read it too. It may then be set for them alone, and
            is not reported as a setting without effect.
        forms: Pattern for the names of narrower variables, with the placeholder ``{}``.
        kinds: What the forms are for. Each takes precedence over the general variable.
    """

    __slots__ = (
        "default",
        "default_text",
        "description",
        "example",
        "forms",
        "parse",
        "secret",
        "shared",
        "unit",
    )

    description: str
    parse: Callable[[str], T]
    default: T
    default_text: str
    example: str
    unit: str
    secret: bool
    shared: bool
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
        shared: bool = False,
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
            "shared": shared,
        }
        known["forms"] = MappingProxyType(
            {
                kind: Variable(form, description, parse, default, unit=unit, secret=secret)
                for kind, form in names.items()
            }
        )
        for key, value in known.items():
            object.__setattr__(self, key, value)
        return self

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{self}.{name}: a declaration does not change")

    def form(self, kind: str | None) -> Variable[T]:
        """Return the variable for ``kind``. Itself for None, and where ``kind`` has no form."""
        return self if kind is None else self.forms.get(kind, self)


def declared(*modules: ModuleType) -> list[Variable[Any]]:
    """Return the variables of modules in the order of definition, each before its forms."""
    return [
        each
        for module in modules
        for variable in entries(module, Variable)
        for each in (variable, *variable.forms.values())
    ]
