"""Lines of JSON that outlive the process that writes them.

Each entry is handed to the system whole before the next one is begun, so a killed process leaves at most one
torn line, the last, which is dropped when its file is opened again.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from ingest.errors import TrainingDataError, UsageError

Entry = TypeVar("Entry")


class Journal(Generic[Entry]):
    """The entries of an open file, and more to come; see ``open_journal``."""

    def __init__(self, file: BinaryIO, form: TypeAdapter[Entry], entries: list[Entry]) -> None:
        self._file = file
        self._form = form
        self.entries = entries

    def append(self, entry: Entry) -> None:
        """Write ``entry`` as the last line."""
        self._file.write(self._form.dump_json(entry) + b"\n")
        self._file.flush()  # to the system: from here on it outlives the process
        self.entries.append(entry)


@contextmanager
def open_journal(path: Path, form: type[Entry]) -> Generator[Journal[Entry]]:
    """Open ``path`` behind its last whole line; a new file is begun where there is none.

    Args:
        form: a dataclass, whose fields each line holds.

    Raises:
        UsageError: another process writes to it.
        TrainingDataError: a whole line is not of that form.
    """
    adapter = TypeAdapter(form)
    with path.open("a+b") as file:
        _lock(file, path)
        file.seek(0)
        written = file.read()
        whole = written[: written.rfind(b"\n") + 1]
        file.truncate(len(whole))
        yield Journal(file, adapter, _entries(path, whole, adapter))
        os.fsync(file.fileno())


def _entries(path: Path, whole: bytes, adapter: TypeAdapter[Entry]) -> list[Entry]:
    entries: list[Entry] = []
    for number, line in enumerate(whole.split(b"\n")[:-1], start=1):
        try:
            entries.append(adapter.validate_json(line))
        except ValidationError as error:
            reason = error.errors()[0]["msg"]
            raise TrainingDataError(
                f"{path}, line {number}: not what a run wrote there ({reason}): delete this line and those "
                "behind it, and what they held is sampled again."
            ) from error
    return entries


def _lock(file: BinaryIO, path: Path) -> None:
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UsageError(f"another process writes to {path}: wait until it is done, or end it.") from None
