"""What a value is, by its name: a credential, SQL, a query string, or text like any other."""

from __future__ import annotations

import re
from enum import Enum

from telemetry.registry import attributes as a


class Content(Enum):
    """What a name says of its value."""

    TEXT = "text"
    CREDENTIAL = "credential"
    SQL = "sql"
    QUERY_STRING = "query string"
    PARAMETERS = "parameters of a statement"
    PATH = "path of a request"
    PRIVATE_NAME = "text, and the name itself has private data"
    OURS = "ours"
    """Put together by ourselves, from what the operator gave."""


# Parts that mean the same wherever they are, and words too short for that. "tokens" are counted,
# what is tokenized is text.
CREDENTIAL_WORDS = (
    r"passw|passphrase|passcode|pwd|secret|token(?!s\b|i[sz])|cookie|session|credential|signature"
    r"|csrf|xsrf"
    r"|(?:api|access|private|signing|encryption|account|service|master|auth)[._-]?key"
    r"|jwt|bearer|authori[sz]ation"
    # Each alternative begins with a letter, which makes the search twice as fast.
    r"|(?:auth(?<![a-z]auth)|pass(?<![a-z]pass)|sig(?<![a-z]sig)|sid(?<![a-z]sid)"
    r"|dsn(?<![a-z]dsn)|otp(?<![a-z]otp)|pin(?<![a-z]pin))(?![a-z])"
)
"""An expression for a credential's name, in small letters: it is found somewhere in it."""

_CREDENTIAL = re.compile(CREDENTIAL_WORDS)
# "X-Key", "signingKey" and "key" itself, but for those that name rows and caches.
_KEY = re.compile(
    r"(?:^|[^a-z])"
    r"(?<!primary[._-])(?<!foreign[._-])(?<!cache[._-])(?<!sort[._-])(?<!row[._-])"
    r"(?<!partition[._-])(?<!routing[._-])(?<!public[._-])(?<!group[._-])(?<!object[._-])"
    r"key$"
)
# A camel's humps, before everything is lower case: "sessionKey".
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MAX_NAME = 256

_CONTENTS = {
    "db.query.text": Content.SQL,
    "db.statement": Content.SQL,
    "sql": Content.SQL,
    str(a.STATEMENTS): Content.SQL,
    str(a.REPEATED): Content.SQL,
    # Django's log records of statements, beside `sql`.
    "params": Content.PARAMETERS,
    str(a.URL_QUERY): Content.QUERY_STRING,
    "http.query_string": Content.QUERY_STRING,
    "query_string": Content.QUERY_STRING,
    str(a.URL_PATH): Content.PATH,
    str(a.EVENT_URL): Content.OURS,
}


def content_of(name: str) -> Content:
    """What the value of an attribute, header, field or parameter of that name is."""
    known = _CONTENTS.get(name)
    if known is not None:
        return known
    if name.startswith("db.query.parameter."):
        return Content.PARAMETERS
    return Content.CREDENTIAL if is_credential(name) else Content.TEXT


def is_credential(name: str) -> bool:
    """Whether the name says that its value is one."""
    lowered = _HUMP.sub("_", name[:_MAX_NAME]).lower()
    return bool(_CREDENTIAL.search(lowered) or _KEY.search(lowered))
