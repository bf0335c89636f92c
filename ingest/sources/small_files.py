"""Read the small files that stand beside documents: ignore files and sidecars."""

from __future__ import annotations

import errno
import os
import stat

MAX_BYTES = 1_000_000


def read_small_file(path: str) -> bytes:
    """The bytes of a regular file of at most ``MAX_BYTES``; never waits on a pipe or a device.

    Raises:
        OSError: it is not there, may not be read, is no regular file or is too large.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "no regular file", path)
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise OSError(errno.EFBIG, f"more than {MAX_BYTES} bytes", path)
    return content
