"""Values behind the name of a credential, in every notation in which a text may have them."""

from __future__ import annotations

import json
import logging
import pprint
from dataclasses import dataclass
from urllib.parse import quote, urlencode
from xml.etree.ElementTree import Element, tostring

import pytest
from django.core.exceptions import ValidationError
from django.utils.datastructures import MultiValueDict
from hypothesis import given
from hypothesis import strategies as st

from telemetry.redaction.redactor import Redactor
from telemetry.settings.model import RedactionSettings

WORD = "zqvortex"
REDACTOR = Redactor(RedactionSettings())


@dataclass
class Account:
    name: str
    password: str


NOTATIONS = [
    # Python, JSON, JavaScript, PHP, Ruby
    "{'password': ['%s']}",
    '{"password": {"new": "%s", "old": "b"}, "n": 1}',
    "{'password': ('a', '%s')}",
    '{"password":"%s"}',
    '{"user": {"credentials": {"name": "bob", "value": "%s"}}}',
    "config['password'] = '%s'",
    'config["password"]="%s"',
    "settings.SECRET_KEY = '%s'",
    "config.get('password', '%s')",
    "setattr(user, 'password', '%s')",
    "[('user', 'bob'), ('password', '%s')]",
    "[(b'x-auth-token', b'%s')]",
    "password: str = '%s'",
    "password: Optional[str] = '%s'",
    "password = SecretStr('%s')",
    "Account(name='bob', password='%s')",
    "check_password('%s')",
    'password="""%s"""',
    "password=r'%s'",
    "'password' => '%s'",
    ':password => "%s"',
    "password -> %s",
    "password := %s",
    "password==%s",
    "$password = '%s';",
    "password=`%s`",
    "userPassword: %s",
    "x-key: %s",
    # Files
    "password: %s",
    "password:      %s",
    "password\t=\t%s",
    "  password: |\n    %s\n  user: bob",
    "password: >-\n  a\n  %s\nuser: bob",
    "password:\n  - %s\n",
    "Password:\n%s\n",
    "[db]\npassword = a %s\nuser = bob",
    "export API_TOKEN=%s",
    "machine.password.value=%s",
    # Options
    "--password %s",
    "run --db-password '%s' --verbose",
    "--password=%s",
    'mysql --password "a b %s"',
    # Markup
    "<password>%s</password>",
    "<db:password type='a'>a %s</db:password>",
    "<password><![CDATA[a < %s]]></password>",
    '<user password="%s"/>',
    '<add key="password" value="%s"/>',
    '<input type="password" name="new" value="%s">',
    '{"name": "password", "value": "%s"}',
    "&quot;password&quot;: &quot;%s&quot;",
    "&#x27;password&#x27;: [&#x27;%s&#x27;]",
    # Requests
    "/login?user=bob&password=%s&next=/",
    "/login#access_token=%s",
    "user[password]=%s",
    "Cookie: a=1; sessionid=%s; b=2",
    "Authorization: Custom %s",
    'Authorization: Digest username="bob", response="%s"',
    'Content-Disposition: form-data; name="password"\r\n\r\n%s\r\n--boundary',
    # Quotes and what is in them
    r'"password": "a\"%s"',
    r"'password': 'a\'%s'",
    "password = 'it''s %s'",
    r"{\"password\": \"a %s\"}",
    r"{\\\"password\\\": \\\"a %s\\\"}",
    r'"{\"password\": \"a\\\"%s\"}"',
    '"password": "a, b; %s"',
    "'password': 'a} ] ) %s'",
    '"password": "%s',
    # Sentences
    "the password is %s7",
    "host=db user=bob password=%s dbname=x",
    "host=db password='a %s' dbname=x",
    "password=a,%s",
    "password=(%s",
    "PASSWORD=%s",
    "password=a%%20%s",
    "db_password_new = %s",
    "{password=%s, user=bob}",
    # Messages of libraries
    "invalid token '%s'",
    '<User: password "%s">',
    "1 error for N\npassword\n  Input is [type=int_parsing, input_value='%s', input_type=str]",
    "{'type': 'a', 'loc': ('body', 'password'), 'msg': 'b', 'input': '%s'}",
    "<RequestsCookieJar[<Cookie foo=%s for example.org/>]>",
    "CREATE USER bob PASSWORD '%s'",
    "Command '['curl', '-u', 'bob:%s', 'https://x.example']' returned 3",
    "Command '['x', '-Password', '%s']' returned 3",
    r'"https:\/\/bob:%s@db.example\/x"',
    "check_password('a', '%s')",
    "{'value': '%s', 'name': 'password'}",
    r"""b'POST /\r\nContent-Disposition: form-data; name="password"\r\n\r\n%s\r\n--b'""",
    "Content-Disposition: form-data; name=password\r\n\r\n%s\r\n--b",
    "\x1b[36mpassword\x1b[0m=\x1b[35m%s\x1b[0m",
    # Changes and joined strings
    'password: "a" => "%s"',
    "password = 'a' + 'b %s'",
    "password = 'a' \\\n    '%s'",
    "[db]\npassword = a\n  %s\nuser = bob",
    "password != '%s'",
    "password += '%s'",
    "data['password']['new'] = '%s'",
    "password[0]=%s",
    "Password (again): %s",
    # Names
    "dbPass=%s",
    "stripeKey: '%s'",
    "refresh_tokens: ['%s']",
    "API Key: %s",
    "session id: %s",
    "PHPSESSID=%s",
    "pw=%s",
    "totp: %s",
    "creds='%s'",
    "contraseña=%s",
    "mot de passe\xa0: %s",
    "Kennwort: %s",
    "пароль=%s",
    "密码\uff1a%s",
    # Quotes of other languages
    "password = \u201ca %s\u201d",
    "password: «a %s»",
    "\u201cpassword\u201d: \u201ca %s\u201d",
    r"{\"password\": \"a\\\\\"b %s\"}",
    r"""'{"password": "a\\"b %s"}'""",
    # Files
    "- name: DB_PASSWORD\n  value: %s",
    "password: |\n\n  %s\n",
    "password: # a note\n    %s\n",
    "password:\n- a\n- %s\n",
    'variable "password" {\n  default = "%s"\n}',
    "machine x login bob password %s",
    "setenv DB_PASSWORD %s",
    "password: dict[str, str] = {'a': '%s'}",
    "**Password:** %s",
    # Markup
    "<key>password</key>\n<string>%s</string>",
    "<td>password</td><td>%s</td>",
    "<b>Password:</b> %s",
    "<password><value>%s</value></password>",
    '<entry key="password">%s</entry>',
    '<input value="%s" name="password">',
    '<input value="a %s" type="password" name="new"/>',
    "<input value='%s' name=password>",
    "<input value=%s type=password>",
    '<option value="a" name="password">%s</option>',
    '{"value": "a %s", "type": "password"}',
    # Encoded
    r"password=\x22a %s\x22",
    r"password=\u0027a %s\u0027",
    r'{"msg": "password: \\u0022a %s\\u0022"}',
    r"run --password \x27a %s\x27",
    # Strings with other prefixes: of shells, SQL, C#, C++ and Oracle
    "password=$'a %s'",
    "password=E'a %s'",
    "password = N'a %s'",
    "password=U&'a %s'",
    "password=_utf8mb4'a %s'",
    "password=q'[a %s]'",
    'password=@"a %s"',
    'password = $@"a %s"',
    'password=L"a %s"',
    'check_password(@"a %s")',
    "password='a' + N'b %s'",
    # An item of a list, or an argument, that is quoted as a whole
    "'--password=a %s'",
    "Command '['x', '--db-password=a %s', '-v']' returned 3",
    r'{"cmd": "x \"--password=a %s\""}',
    "docker run -e 'DB_PASSWORD=a %s' image",
    '["password=a b %s"]',
    r"\x22password\x22: \x22%s\x22",
    "{&amp;quot;password&amp;quot;: &amp;quot;%s&amp;quot;}",
]
AROUND = ["%s", "failed: %s", "%s and more", "\n  %s\n", "f(%s)", "2024-05-01 12:00:00 ERROR %s"]


@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_value_behind_its_name_is_replaced(notation: str) -> None:
    for around in AROUND:
        text = around % (notation % WORD)
        redacted = REDACTOR.text(text)
        assert WORD not in redacted, text
        assert REDACTOR.text(redacted) == redacted


@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_text_may_end_anywhere(notation: str) -> None:
    """In front of a value, too, with line breaks behind the name: it is searched all the same."""
    text = notation % WORD
    for end in range(len(text)):
        for more in ("", "\n", "\n\n", "\r\n\r\n", " ", '"', "=", "(", "<"):
            begin = f"planted@example.org {text[:end]}{more}"
            assert "planted@" not in REDACTOR.text(begin), begin


@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_value_behind_another_name_stays(notation: str) -> None:
    """The same notations show that the rule is about the name."""
    for name in (
        *("password", "sessionid", "SECRET_KEY", "API_TOKEN", "auth-token", "x-key", "input_value"),
        *("dbPass", "stripeKey", "API Key", "session id", "PHPSESSID", "pw", "totp", "Kennwort"),
        *("contraseña", "mot de passe", "пароль", "密码"),
    ):
        notation = notation.replace(name, "colour")
    if any(
        word in notation.lower()
        for word in ("passw", "cred", "auth", "cookie", "token", "?", "https:", "-u")
    ):
        return
    assert WORD in REDACTOR.text(notation.replace("SecretStr", "str") % WORD)


def test_a_line_that_begins_with_the_name_is_a_value() -> None:
    """In a configuration file, a value may have blanks."""
    text = "[db]\n  password = correct horse battery\nuser = bob"
    assert REDACTOR.text(text) == "[db]\n  password = [REDACTED]\nuser = bob"
    assert REDACTOR.text("db.password: correct horse") == "db.password: [REDACTED]"


VALUES = st.text(
    st.sampled_from("abz019 '\"\\{}[]()<>,;:=&%#@/?!$|`~^*+.-_é\t"), min_size=0, max_size=12
)


@given(VALUES, VALUES, st.booleans())
def test_what_a_library_writes_is_read(before: str, after: str, nested: bool) -> None:
    """Of any value, quotes and brackets in it included, as these libraries write it."""
    value = f"{before}{WORD}{after}"
    data = {"user": "bob", "password": [value] if nested else value, "n": 1}
    # The base class of QueryDict, which needs Django's settings.
    form = MultiValueDict({"user": ["bob"], "password": [value]})
    element = Element("password")
    element.text = value
    texts = [
        repr(data),
        json.dumps(data),
        json.dumps(json.dumps(data)),
        json.dumps(data, indent=2),
        json.dumps(data, ensure_ascii=False),
        pprint.pformat(data, width=20),
        repr(form),
        urlencode({"password": value, "b": 1}),
        quote(json.dumps(data), safe=""),
        repr(Account("bob", value)),
        repr(ValidationError({"password": [value]})),
        str(ValidationError({"password": [value]})),
        tostring(element, encoding="unicode"),
        f"password={value!r}",
        f"POST {dict(form)!r} failed",
        logging.makeLogRecord({"msg": "form %s", "args": (form,)}).getMessage(),
    ]
    for text in texts:
        assert WORD not in REDACTOR.text(text), text


# User information of RFC 3986, and what is not allowed there and occurs.
PASSWORDS = st.text(st.sampled_from("abz019/#?'@:!$&()*+,;=%~._-"), max_size=8)


@given(st.sampled_from(["postgres", "redis", "https", "amqp"]), PASSWORDS, PASSWORDS)
def test_an_address_loses_its_password(scheme: str, before: str, after: str) -> None:
    password = f"x{before}{WORD}{after}"
    for form in (
        "{}://bob:{}@db.example:5432/x",
        "to {}://:{}@db.example",
        "'{}://bob:{}@db/x?y=1'",
    ):
        assert WORD not in REDACTOR.text(form.format(scheme, password))


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:8000/@scope/package",
        "https://civic.example/meetings/minutes?_sort=date",
        "the session was closed; tokens: 5",
        "the token is invalid",
        "pass: the council passed the ordinance"[6:],
        "KeyError: 'name'",
        "sort_key=5 primary_key: id, cache_key=site:alameda",
        "password reset requested for a user",
        "session started",
        "the password policy of the city is in section 5",
        "the city's password isn't changed; its token 's not either",
        "15 tokens: 4 in, 11 out; tokens=15",
        "primaryKey: id, onForeignKey=site, publicKey: none",
        "the public key is kept with the clerk; a keynote was given",
        "use -u for users, docker run -u 1000:1000 image",
        "follow-up: the compass pointed to the overpass",
        r"C:\new\run: 5 files",
        "password\n\n",
        '<input value="5" name="colour"> password',
        '<input value="5" type="colour" title="password">',
        "le mot de passe n'est pas valide",
        "la password e' sbagliata, e' lunga",
        "'password reset' for 'bob'; 'the token of a site' stays",
    ],
)
def test_other_texts_stay(text: str) -> None:
    assert REDACTOR.text(text) == text


def test_what_follows_a_value_stays() -> None:
    """A traceback keeps its lines, a form its other fields."""
    text = (
        "Traceback (most recent call last):\n"
        '  File "/srv/app/views.py", line 5, in view\n'
        "    token = make_token(\n"
        "            ^^^^^^^^^^^\n"
        "ValueError: no such row"
    )
    assert REDACTOR.text(text).endswith("\nValueError: no such row")
    form = "<MultiValueDict: {'password': ['a'], 'colour': ['red']}>"
    assert "'colour': ['red']" in REDACTOR.text(form)
    assert REDACTOR.text('{"password": "a", "n": 1}') == '{"password": [REDACTED], "n": 1}'
    for text, shown in (
        (
            '<input value="x" name="password"> in <b>a</b>',
            '<input value="[REDACTED]" name="password"> in <b>a</b>',
        ),
        ("'--password=a b' and 'c'", "'--password=[REDACTED]' and 'c'"),
        ("'password=a b host=c'", "'password=[REDACTED] host=c'"),
        ("b'password=a&colour=red'", "b'password=[REDACTED]&colour=red'"),
        (r"password=\x22a b\x22 colour=red", "password=[REDACTED] colour=red"),
        ("password=N'a b', colour=N'red'", "password=[REDACTED], colour=N'red'"),
    ):
        assert REDACTOR.text(text) == shown
    assert REDACTOR.text("/a?password=x&_size=5") == "/a?password=REDACTED&_size=5"
