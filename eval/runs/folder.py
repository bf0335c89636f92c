"""A run on disk: who it is, and a record for each case, appended as they come.

::

    FOLDER/
        run.json          ``RunIdentity``, written first
        records.jsonl     a ``CaseRecord`` a line, in the order in which the answers came
        report.json, report.html, cases.parquet    made from the two above

A run that was broken off is gone on with by whoever writes it again: a case has a record or is still to be
answered, whenever the process, or the machine, ended.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import BinaryIO

import msgspec

from eval.runs.record import CaseRecord, RunIdentity
from ingest.errors import CasesError, RunMismatchError, UsageError
from ingest.snapshots.durable import replace_text, sync_directory

IDENTITY = "run.json"
RECORDS = "records.jsonl"

_SYNC_SECONDS = 5.0
_MAY_DIFFER = {"name", "created_at", "cases_path", "seed"}
"""What two runs of the same cases, answered in the same way, may differ in."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A folder with an identity and as many records as there are so far."""

    path: Path
    identity: RunIdentity

    def records(self) -> Iterator[CaseRecord]:
        """The records so far, in the order in which they came; a last line that was cut off is left out.

        Raises:
            CasesError: a line is no record.
        """
        for _, record in self._lines():
            yield record

    def drop_unfinished(self) -> None:
        """Forget the cases that failed, and the line that was being written when the run was broken off."""
        path = self.path / RECORDS
        if not path.exists():
            return
        staged = path.with_suffix(".part")
        with staged.open("wb") as kept:
            kept.writelines(line for line, record in self._lines() if record.failure is None)
            _sync(kept)
        os.replace(staged, path)
        sync_directory(self.path)

    def _lines(self) -> Iterator[tuple[bytes, CaseRecord]]:
        path = self.path / RECORDS
        if not path.exists():
            return
        decoder = msgspec.json.Decoder(CaseRecord)
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith(b"\n"):
                    return
                try:
                    yield line, decoder.decode(line)
                except msgspec.DecodeError as error:
                    raise CasesError(
                        f"{path}, line {number}: not a record of a run ({error}): run the evaluation again."
                    ) from error


class RunWriter:
    """Appends to the records of a run."""

    def __init__(self, folder: RunFolder, file: BinaryIO) -> None:
        self.folder = folder
        self._file = file
        self._synced = time.monotonic()

    def add(self, record: CaseRecord) -> None:
        """Append ``record``.

        Raises:
            RunMismatchError: the answer is none of this run's: it was made from another snapshot, or by
                another release or prompt, that were published in the meantime.
        """
        self._check(record)
        self._file.write(msgspec.json.encode(record) + b"\n")
        self._file.flush()  # to the system: from here on it outlives the process
        if time.monotonic() - self._synced > _SYNC_SECONDS:
            _sync(self._file)
            self._synced = time.monotonic()

    def _check(self, record: CaseRecord) -> None:
        identity, answer = self.folder.identity, record.answer
        if answer is None:
            return
        snapshot = identity.snapshot_id or answer.snapshot_id
        expected = (snapshot, identity.release, identity.prompt_id)
        found = (answer.snapshot_id, answer.release, answer.prompt_id)
        if found != expected:
            raise RunMismatchError(
                f"case {record.case.id!r} was answered with {' / '.join(found)} (snapshot, release, prompt), "
                f"and the run began with {' / '.join(expected)}: something was published in the meantime; "
                "add --restart to begin anew."
            )


@contextmanager
def write_run(path: Path, identity: RunIdentity, *, restart: bool = False) -> Generator[RunWriter]:
    """Write the run in the folder ``path``: go on with it if there is one, unless ``restart`` is asked for.

    Raises:
        RunMismatchError: the run there is of something else.
        UsageError: another process writes there, or it is no folder.
    """
    with _locked(path):
        if (path / IDENTITY).exists() and not restart:
            folder = open_run(path)
            _check_same(folder, identity)
            folder.drop_unfinished()
        else:
            (path / RECORDS).unlink(missing_ok=True)
            folder = create_run(path, identity)
        with (path / RECORDS).open("ab") as file:
            yield RunWriter(folder, file)
            _sync(file)


def create_run(path: Path, identity: RunIdentity) -> RunFolder:
    """Make the folder of a run and write its identity."""
    path.mkdir(parents=True, exist_ok=True)
    replace_text(
        path / IDENTITY, msgspec.json.format(msgspec.json.encode(identity), indent=2).decode() + "\n"
    )
    return RunFolder(path, identity)


def open_run(path: Path) -> RunFolder:
    """The run in the folder ``path``.

    Raises:
        CasesError: there is none.
    """
    try:
        identity = msgspec.json.decode((path / IDENTITY).read_bytes(), type=RunIdentity)
    except (OSError, msgspec.DecodeError) as error:
        raise CasesError(
            f"{path} holds no run of an evaluation ({error}): give the folder that "
            "`troika eval answers --out` wrote."
        ) from error
    return RunFolder(path, identity)


def _check_same(folder: RunFolder, identity: RunIdentity) -> None:
    compared = [field.name for field in fields(RunIdentity) if field.name not in _MAY_DIFFER]
    different = [name for name in compared if getattr(folder.identity, name) != getattr(identity, name)]
    if different:
        begun = ", ".join(f"{name} {getattr(folder.identity, name)}" for name in different)
        now = ", ".join(f"{name} {getattr(identity, name)}" for name in different)
        raise RunMismatchError(
            f"{folder.path} holds a run of {begun}, and asked for is one of {now}: "
            "give another --out, or --restart to begin anew."
        )


@contextmanager
def _locked(path: Path) -> Generator[None]:
    try:
        path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(f"{path} is no folder: name one, or a new one, with --out.") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                f"another process writes to the run in {path}: wait for it, or give another --out."
            ) from error
        yield
    finally:
        os.close(descriptor)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
