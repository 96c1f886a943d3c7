"""Judges the files of certificates that belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.settings import parse

if TYPE_CHECKING:
    from telemetry.settings.reader import Reader
    from telemetry.settings.variable import Variable


def check_client_certificate(
    reader: Reader,
    certificate: Variable[str | None],
    key: Variable[str | None],
    kind: str | None = None,
    *,
    wants_key: bool = False,
) -> None:
    """Record what is wrong with a client's certificate and its key. A key needs its certificate.

    Args:
        reader: Reader of the environment.
        certificate: Variable of the certificate's file.
        key: Variable of the key's file.
        kind: Form of the variables that takes precedence, such as a signal.
        wants_key: Whether the key has a file of its own. The certificate's may hold it otherwise.
    """
    given, given_key = (reader.given(each, kind) for each in (certificate, key))
    path, key_path = (
        reader.get(each, kind, parse=parse.readable_file) for each in (certificate, key)
    )
    if (given and not path) or (given_key and not key_path):
        # What can't be read is a problem already.
        return
    if given_key and not given:
        reader.problem(certificate, "", f"the certificate of {given_key}")
    elif given and wants_key and not given_key:
        reader.problem(key, "", f"the key of {given}")
    elif path:
        wanted = parse.client_certificate(path, key_path)
        if wanted:
            reader.problem(given_key or key, key_path or "", wanted)
