"""Every field of an event, and of an envelope, is redacted: Sentry's own schema lists them."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sentry_sdk
from sentry_sdk.attachments import Attachment
from sentry_sdk.envelope import Envelope, Item, PayloadRef
from sentry_sdk.transport import Transport

from telemetry.errors.sentry.redaction import BeforeSend
from telemetry.errors.sentry.transport import item_of
from telemetry.redaction.redactor import Redactor
from telemetry.settings import read_settings
from telemetry.settings.model import RedactionSettings

if TYPE_CHECKING:
    from telemetry.export.encoding.requests import Item as Encoded

REDACTOR = Redactor(RedactionSettings())
SECRET = "Sk7Qz42w9XvR4mLb2TnY8cHd"
# The SDK replaces these, or identifies the event by them.
SET_BY_THE_SDK = {"event_id", "timestamp", "start_timestamp", "platform", "type", "level", "sdk"}


class Collected(Transport):
    def __init__(self) -> None:
        super().__init__({"dsn": "http://key@bugsink.example/1"})
        self.items: list[Encoded] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.items.append(item_of(envelope, REDACTOR))


def planted(name: str) -> Any:
    """A value of a field that consists of text, and of keys, and nested."""
    word = f"{SECRET} in {name}"
    return {word: [word, {"vars": {"x": word}}], "text": word, "bob@example.org": word}


def fields() -> list[str]:
    """The fields of Sentry's own type of an event."""
    # It exists for type checkers only, so that it is read from the source.
    source = Path(sentry_sdk.__file__).with_name("_types.py").read_text("utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "TypedDict":
            name, keys = node.args[0], node.args[1]
            if isinstance(name, ast.Constant) and name.value == "Event":
                assert isinstance(keys, ast.Dict)
                found = {key.value for key in keys.keys if isinstance(key, ast.Constant)}
                return sorted({str(each) for each in found} - SET_BY_THE_SDK)
    raise AssertionError("sentry_sdk/_types.py: no TypedDict with the name Event")


def test_every_field_of_an_event_is_redacted() -> None:
    """Contexts, breadcrumbs, tags, user, server's name and modules are among them."""
    names = fields()
    assert {"contexts", "breadcrumbs", "tags", "user", "server_name", "modules"} < set(names)
    event: Any = {name: planted(name) for name in names}
    event["server_name"] = event["transaction"] = f"host {SECRET}"
    redacted = BeforeSend(read_settings({}), REDACTOR)(event, {})
    assert redacted is not None
    text = json.dumps(redacted)
    assert SECRET not in text
    assert "bob@example.org" not in text
    assert set(redacted) == set(names)


def test_every_item_of_an_envelope_is_redacted() -> None:
    """Attachments, as text and as bytes, their names, check-ins, logs, and the header."""
    collected = Collected()
    client = sentry_sdk.Client(
        transport=collected,
        default_integrations=False,
        auto_session_tracking=False,
        send_client_reports=False,
        before_send=BeforeSend(read_settings({}), REDACTOR),
        server_name=f"host {SECRET}",
        release=f"release {SECRET}",
        dsn="http://key@bugsink.example/1",
    )
    attachments = [
        Attachment(bytes=f"a {SECRET}".encode(), filename=f"{SECRET}.txt"),
        Attachment(bytes=b"\xff\x00" + SECRET.encode(), filename="core"),
        Attachment(bytes=json.dumps({"password": "hunter22"}).encode(), filename="a.json"),
    ]
    client.capture_event({"message": f"boom {SECRET}"}, {"attachments": attachments})
    other = Envelope(headers={"trace": {"transaction": SECRET}, "event_id": "0" * 32})
    for kind in ("check_in", "log", "session", "feedback", "a_new_kind"):
        payload = json.dumps({"items": [{"body": SECRET, "password": "hunter22"}]}).encode()
        headers = {"type": kind, "extra": SECRET}
        other.add_item(Item(PayloadRef(bytes=payload), headers=headers))
    collected.capture_envelope(other)
    sent = b"".join(b"".join((*item[0], item[1])) for item in collected.items)
    assert sent.count(b'"type"') >= 9
    assert SECRET.encode() not in sent
    assert b"hunter22" not in sent
