"""The folder for what parsers write to the disk; one that a killed run left behind goes at the next start.

A folder is locked for as long as its run lives. The kernel drops the lock with the process, so that a lock
which can be taken tells a folder that nobody uses, whichever container its owner ran in.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

_PREFIX = "troika-parse-"
_UNLOCKED_SECONDS = 60.0
"""A younger folder may be one that is about to be locked."""


class WorkerFolder:
    """A new folder at ``path``, until it is removed."""

    def __init__(self) -> None:
        """
        Raises:
            OSError: none can be made.
        """
        _remove_abandoned(Path(tempfile.gettempdir()))
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._lock, fcntl.LOCK_SH | fcntl.LOCK_NB)

    def remove(self) -> None:
        """Delete the folder with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _remove_abandoned(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        # What another user owns, or another run removes at the same time, is none of this one's business.
        with suppress(OSError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if time.time() - folder.stat().st_mtime > _UNLOCKED_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
