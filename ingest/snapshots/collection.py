"""A collection on disk: a folder of immutable snapshots and one pointer to the current one.

::

    TROIKA_HOME/collections/NAME/
        CURRENT              id of the published snapshot; replaced atomically
        lock                 held by the one process that writes
        snapshots/ID/        see snapshot.py
"""

from __future__ import annotations

import fcntl
import re
import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

from ingest.errors import (
    CollectionBusyError,
    CollectionNameError,
    CollectionNotFoundError,
    SettingsError,
    SnapshotCorruptError,
)
from ingest.snapshots.durable import replace_text, sync_directory

STAGED_PREFIX = ".staged-"
UNPUBLISHED = "unpublished.lock"
"""In the folder of a snapshot until it was current once; see ``Collection.writing``."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Collection:
    """The folder of a collection; it need not exist yet."""

    home: Path
    name: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise CollectionNameError(
                f"the collection name {self.name[:80]!r} is not usable: take up to 64 letters, digits, "
                "'-', '_' or '.', starting with a letter or digit."
            )

    @property
    def directory(self) -> Path:
        return self.home / "collections" / self.name

    @property
    def snapshots(self) -> Path:
        return self.directory / "snapshots"

    @property
    def work(self) -> Path:
        """Where runs keep what the next one may use; nothing is lost when it is deleted."""
        return self.home / "work" / self.name

    @property
    def models(self) -> Path:
        """Where exported models are kept, for all collections of this home."""
        return self.home / "models"

    def current_id(self) -> str | None:
        """The id of the published snapshot; None when nothing was published.

        Raises:
            SnapshotCorruptError: the pointer holds no id, or is gone where snapshots were published.
        """
        try:
            current = (self.directory / "CURRENT").read_text("utf-8", errors="replace").strip()
        except (FileNotFoundError, NotADirectoryError):
            if not self._was_published():
                return None
            current = ""
        if not _NAME.fullmatch(current):
            raise SnapshotCorruptError(
                f"{self.directory / 'CURRENT'} names no snapshot: run `troika collections verify {self.name} "
                "--repair`."
            )
        return current

    def is_there(self) -> bool:
        """Whether something was published, damaged or not."""
        return (self.directory / "CURRENT").is_file() or self._was_published()

    def require_current(self) -> Path:
        """The folder of the published snapshot.

        Raises:
            CollectionNotFoundError: nothing was published under this name.
        """
        current = self.current_id()
        if current is None:
            known = ", ".join(list_collections(self.home)) or "none"
            raise CollectionNotFoundError(
                f"there is no collection {self.name!r} (there are: {known}): "
                f"make it with `troika ingest PATH --collection {self.name}`."
            )
        return self.snapshots / current

    def published(self) -> list[Path]:
        """The folders of all snapshots that are kept, oldest first."""
        names = self.snapshots.iterdir() if self.snapshots.is_dir() else ()
        return sorted(path for path in names if not path.name.startswith(STAGED_PREFIX))

    def _was_published(self) -> bool:
        """Whether there is a snapshot that was current once."""
        return any(not (path / UNPUBLISHED).exists() for path in self.published())

    def publish(self, snapshot_id: str) -> None:
        """Make ``snapshot_id`` the one that new readers open."""
        replace_text(self.directory / "CURRENT", snapshot_id + "\n")

    def drop(self) -> None:
        """Delete everything of the collection, which is gone as a whole before any of it is deleted."""
        self._delete_dropped()
        self.directory.rename(self._dropped)
        sync_directory(self._dropped.parent)
        shutil.rmtree(self.work, ignore_errors=True)
        self._delete_dropped()

    @property
    def _dropped(self) -> Path:
        """Where the folder goes that is dropped; no collection has such a name."""
        return self.directory.with_name(f".dropped-{self.name}")

    def _delete_dropped(self) -> None:
        # Another process may be at the same.
        with suppress(FileNotFoundError):
            shutil.rmtree(self._dropped)

    def prune_snapshots(self, keep: int, *, line: Sequence[Path] = (), superseded: str | None = None) -> None:
        """Delete all but ``keep`` snapshots and the current one, each as a whole or not at all.

        Kept are the newest, then the ``line`` that it comes from, which going back leads along, then the next
        in age. The one that is ``superseded``, since it lacks but the vectors of the next, is none of these.
        """
        published = self.published()
        lasting = [path.name for path in reversed(published) if path.name != superseded]
        wanted = dict.fromkeys([*lasting[:1], *(path.name for path in line), *lasting])
        retained = {*islice(wanted, keep), self.current_id()}
        for path in published:
            if path.name not in retained:
                doomed = path.rename(path.with_name(f"{STAGED_PREFIX}{path.name}"))
                shutil.rmtree(doomed, ignore_errors=True)

    @contextmanager
    def writing(self) -> Generator[None]:
        """Hold the collection against other writers, and clear away what a crashed one left behind.

        Raises:
            CollectionBusyError: another process holds it.
            SettingsError: the home directory cannot be written to.
        """
        with self._open_lock() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise CollectionBusyError(
                    f"another ingest is writing to the collection {self.name!r}: wait for it, or name "
                    "another collection."
                ) from error
            self._clear_away()
            yield

    def _clear_away(self) -> None:
        """Delete what was never published. A snapshot that was written whole and never became current goes,
        too, or it would take the place of an older one among those that are kept."""
        for staged in self.snapshots.glob(f"{STAGED_PREFIX}*"):
            shutil.rmtree(staged, ignore_errors=True)
        for pointer in self.directory.glob(".CURRENT.*"):
            pointer.unlink(missing_ok=True)
        self._delete_dropped()
        try:
            current = self.current_id()
        except SnapshotCorruptError:
            return  # any of them may have been the current one, which `verify --repair` looks for
        for mark in self.snapshots.glob(f"*/{UNPUBLISHED}"):
            if mark.parent.name == current:
                mark.unlink()
            else:
                shutil.rmtree(mark.parent, ignore_errors=True)

    def make_work(self) -> Path:
        """The folder ``work``, made if need be.

        Raises:
            SettingsError: the home directory cannot be written to.
        """
        try:
            self.work.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error
        return self.work

    def _unwritable(self, error: OSError) -> SettingsError:
        return SettingsError(
            f"{self.home} cannot be written to ({error.strerror}): set TROIKA_HOME to a folder that can."
        )

    def _open_lock(self) -> TextIO:
        try:
            self.snapshots.mkdir(parents=True, exist_ok=True)
            return (self.directory / "lock").open("w")
        except OSError as error:
            raise self._unwritable(error) from error


def list_collections(home: Path) -> list[str]:
    """The names of all collections with a published snapshot, sorted; also of those that lost the pointer."""
    directory = home / "collections"
    if not directory.is_dir():
        return []
    names = [path.name for path in directory.iterdir() if _NAME.fullmatch(path.name)]
    return sorted(name for name in names if Collection(home, name).is_there())
