"""The history of releases: what is served, what was served before, and why that changed.

::

    TROIKA_HOME/releases/
        000001.json, 000002.json …  one record for each change; never touched again once CURRENT names it
        reports/SHA256.json         the gate's reports by which adapters were let in
        CURRENT                     number of the last record and its SHA-256; replaced atomically
        lock                        held by the one process that writes

A record holds the whole state after its change, so that a reader needs only the last one, and the SHA-256 of
the record before it, so that no earlier one can be changed or left out unseen. The digests are no signature:
who may write the folder can write another chain.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Literal

import msgspec

from ingest.errors import ReleaseHistoryError
from ingest.snapshots.durable import replace_text
from service.history.feedback import timestamp

BASE = "base"
RELEASES = "releases"
REPORTS = "reports"
CURRENT = "CURRENT"

_FORMAT = 2


class Change(StrEnum):
    """Why a record was written."""

    INSTALLED = "installed"
    """It came with the package; noted when something else was about to be served."""
    PROMOTED = "promoted"
    CANARY = "canary"
    ROLLED_BACK = "rolled_back"
    TAKEN_BACK = "taken_back"
    """A canary was ended by its guards."""


@dataclass(frozen=True, slots=True)
class Canary:
    """A candidate that answers a share of the conversations, from 0 to 1 without the ends."""

    release: str
    share: float
    report_sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRecord:
    """What is served from ``created_at`` (ISO 8601, UTC) until the next record.

    ``release`` is an adapter's name or ``base``; ``report_sha256`` is the digest of the gate's report that
    let it in. ``back_to`` is the number of the record that a roll-back restores: 0 for the base model before
    the first, None where there is nothing before. ``before_sha256`` is that of the file of the record before.
    """

    number: int
    change: Change
    release: str
    created_at: str
    reason: str
    back_to: int | None
    before_sha256: str | None
    report_sha256: str | None = None
    canary: Canary | None = None
    format: Literal[2] = _FORMAT

    @property
    def came_before(self) -> int | None:
        """The number of the record that a roll-back of the *next* change restores: no canary comes back."""
        return self.number if self.canary is None else self.back_to


def current_number(home: Path) -> int | None:
    """The number of the last record, None before the first. One small read: cheap to ask often.

    Raises:
        ReleaseHistoryError: the pointer does not hold a number and a digest.
    """
    pointer = _pointer(home)
    return None if pointer is None else pointer[0]


def current_record(home: Path) -> ReleaseRecord | None:
    """The last record; None while nothing was ever promoted.

    Raises:
        ReleaseHistoryError: it cannot be read.
    """
    number = current_number(home)
    return None if number is None else read_record(home, number)


def read_record(home: Path, number: int) -> ReleaseRecord:
    """One record of the history.

    Raises:
        ReleaseHistoryError: it cannot be read.
    """
    path = _path(home, number)
    try:
        return msgspec.json.decode(path.read_bytes(), type=ReleaseRecord)
    except (OSError, msgspec.DecodeError) as error:
        raise ReleaseHistoryError(
            f"the record {path.name} of the releases cannot be read ({error}): restore {path.parent} from a "
            "backup, or move it away to begin the history anew."
        ) from error


def came_with_package(home: Path, record: ReleaseRecord) -> bool:
    """Whether what ``record`` serves to all came with the package, and nothing was promoted in its place.

    Raises:
        ReleaseHistoryError: a record cannot be read.
    """
    if record.canary is not None and record.back_to:
        record = read_record(home, record.back_to)
    # A promotion leads back to something; what was installed does not, nor do its restored records.
    return record.back_to is None and record.release != BASE


def read_history(home: Path) -> list[ReleaseRecord]:
    """All records, oldest first.

    Raises:
        ReleaseHistoryError: one cannot be read.
    """
    return [read_record(home, number) for number in range(1, (current_number(home) or 0) + 1)]


def verify_history(home: Path) -> list[ReleaseRecord]:
    """All records, oldest first, each found to be the one that the next or the pointer names by its digest.

    Raises:
        ReleaseHistoryError: one is missing, was changed, or stands in another one's place.
    """
    records = read_history(home)
    pointer = _pointer(home)
    witness, expected = CURRENT, pointer[1] if pointer else None
    for number in range(len(records), 0, -1):
        path = _path(home, number)
        found = _sha256(path)
        if found != expected:
            raise ReleaseHistoryError(
                f"the chain of the releases is broken at the record {path.name}: its SHA-256 is {found}, and "
                f"{witness} says {expected}; restore {path.parent} from a backup."
            )
        witness, expected = path.name, records[number - 1].before_sha256
    if expected is not None:
        raise ReleaseHistoryError(
            f"the chain of the releases is broken at the record {witness}: it names one before it that is "
            f"not there; restore {home / RELEASES} from a backup."
        )
    return records


class HistoryWriter:
    """Writes the next record; held by one process at a time, see ``writing_history``."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._pointer = _pointer(home)
        self.last = None if self._pointer is None else read_record(home, self._pointer[0])

    def publish(
        self,
        change: Change,
        release: str,
        *,
        reason: str,
        back_to: int | None,
        report_sha256: str | None = None,
        canary: Canary | None = None,
    ) -> ReleaseRecord:
        """Write a record and point to it; a crash in between leaves the last one in force."""
        number, before_sha256 = self._pointer or (0, None)
        record = ReleaseRecord(
            number=number + 1,
            change=change,
            release=release,
            created_at=timestamp(datetime.now(UTC)),
            reason=reason,
            back_to=back_to,
            before_sha256=before_sha256,
            report_sha256=report_sha256,
            canary=canary,
        )
        path = _path(self._home, record.number)
        replace_text(path, msgspec.json.format(msgspec.json.encode(record), indent=2).decode() + "\n")
        sha256 = _sha256(path)
        replace_text(path.with_name(CURRENT), f"{record.number} {sha256}\n")
        self._pointer, self.last = (record.number, sha256), record
        return record


@contextmanager
def writing_history(home: Path) -> Generator[HistoryWriter]:
    """Hold the history against other writers; waits for one that writes.

    Raises:
        ReleaseHistoryError: the last record cannot be read.
    """
    folder = home / RELEASES
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield HistoryWriter(home)


def keep_report(home: Path, content: str, sha256: str) -> None:
    """Keep a gate's report under its digest, for as long as the history speaks of it."""
    path = report_path(home, sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_text(path, content)


def report_path(home: Path, sha256: str) -> Path:
    """Where the copy of a gate's report is kept."""
    return home / RELEASES / REPORTS / f"{sha256}.json"


def _path(home: Path, number: int) -> Path:
    return home / RELEASES / f"{number:06}.json"


def _pointer(home: Path) -> tuple[int, str] | None:
    """Number and SHA-256 of the last record."""
    path = home / RELEASES / CURRENT
    try:
        number, sha256 = path.read_text("utf-8").split()
        return int(number), sha256
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ReleaseHistoryError(
            f"{path} does not hold the number and the SHA-256 of a release ({error}): restore {path.parent} "
            "from a backup, or move it away to begin the history anew."
        ) from error


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
