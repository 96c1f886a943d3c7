"""Datasette's templates, compiled once a process and not once a site."""

from typing import TYPE_CHECKING

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

if TYPE_CHECKING:
    from types import CodeType


class CompiledTemplates(BytecodeCache):
    """Shares templates' code between the Jinja environments of many Datasettes.

    Compiling takes half of a new site's first page. The environments have to be
    alike in extensions and filters, which Jinja builds into the code; ours are,
    since the same plugins prepare them all.
    """

    def __init__(self) -> None:
        self._compiled: dict[str, tuple[str, CodeType]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Jinja's contract: fill in the code if it was compiled from the same source."""
        checksum, code = self._compiled.get(bucket.key, ("", None))
        if code is not None and checksum == bucket.checksum:
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Jinja's contract: keep what was just compiled."""
        if bucket.code is not None:
            self._compiled[bucket.key] = bucket.checksum, bucket.code
