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
    STATEMENTS = "statements of query statistics, each of which is cut"
    PATH = "path of a request"
    CUT = "text that is cut to its own length"
    NAMES = "texts, none of which says what the next one is"
    PRIVATE_NAME = "text, and the name itself has private data"
    OURS = "ours"
    """Put together by ourselves, from what the operator gave."""


# Parts that mean the same wherever they are, and words too short for that. "tokens" are counted,
# what is tokenized is text. By first letters, all of which are letters: twice as fast.
CREDENTIAL_WORDS = (
    r"p(?:assw|ass[ _.-]?phrase|ass[_-]word|asscode|wd|rivate[ ._-]?key|word(?<![a-z]pword)"
    r"|(?:ass(?<![a-z]pass)|in(?<![a-z]pin)|w(?<![a-z]pw))(?![a-z]))"
    r"|s(?:ecret|ess(?:ion|id)|ignature|(?:igning|ervice)[ ._-]?key|torepass|mtppass"
    r"|(?:ig(?<![a-z]sig)|id(?<![a-z]sid)|ess(?<![a-z]sess)|enha(?<![a-z]senha))(?![a-z]))"
    r"|t(?:oken(?!s\b|i[sz])|otp(?<![a-z]totp)(?![a-z]))"
    r"|c(?:ookie|redential|srf|ontrase|reds?(?<![a-z]cred)(?<![a-z]creds)(?![a-z]))"
    r"|a(?:uthori[sz]ation|(?:pi|ccess|ccount|uth)[ ._-]?key|uth(?<![a-z]auth)(?![a-z]))"
    r"|b(?:earer|asicauth)|d(?:bpass|sn(?<![a-z]dsn)(?![a-z]))|m(?:aster[ ._-]?key"
    # Other languages: a form's fields have their own names.
    r"|ot[ _.-]?de[ _.-]?passe)|kennwort|wachtwoord|пароль|密[码碼]|パスワード|비밀번호"
    r"|hasło|lösenord|encryption[ ._-]?key|jwt|xsrf|requirepass|userpass|otp(?<![a-z]otp)(?![a-z])"
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
    str(a.STATEMENTS): Content.STATEMENTS,
    str(a.REPEATED): Content.STATEMENTS,
    str(a.DATABASES): Content.NAMES,
    # Django's log records of statements, beside `sql`.
    "params": Content.PARAMETERS,
    str(a.URL_QUERY): Content.QUERY_STRING,
    "http.query_string": Content.QUERY_STRING,
    "query_string": Content.QUERY_STRING,
    str(a.URL_PATH): Content.PATH,
    str(a.HTTP_ROUTE): Content.PATH,
    str(a.HTTP_REQUEST_METHOD_ORIGINAL): Content.CUT,
    str(a.USER_AGENT_ORIGINAL): Content.CUT,
    str(a.EVENT_URL): Content.OURS,
}

_HEADERS = ("http.request.header.", "http.response.header.")
MAX_METHOD = 32
# Enough to recognise a bot.
MAX_USER_AGENT = 256
MAX_QUERY = 2048
MAX_HEADER = 1024
"""Characters of a captured header."""
_LENGTHS = {
    str(a.HTTP_REQUEST_METHOD_ORIGINAL): MAX_METHOD,
    str(a.USER_AGENT_ORIGINAL): MAX_USER_AGENT,
}


def content_of(name: str) -> Content:
    """What the value of an attribute, header, field or parameter of that name is."""
    # Small letters: a WSGI environment has `QUERY_STRING`.
    known = _CONTENTS.get(name.lower())
    if known is not None:
        return known
    if name.startswith("db.query.parameter."):
        return Content.PARAMETERS
    if is_credential(name):
        return Content.CREDENTIAL
    return Content.CUT if name.startswith(_HEADERS) else Content.TEXT


def length_of(name: str) -> int:
    """Characters to which a value with the content `Content.CUT` is cut, once it is redacted."""
    return _LENGTHS.get(name, MAX_HEADER)


def is_credential(name: str) -> bool:
    """Whether the name says that its value is one."""
    lowered = _HUMP.sub("_", name[:_MAX_NAME]).lower()
    return bool(_CREDENTIAL.search(lowered) or _KEY.search(lowered))
