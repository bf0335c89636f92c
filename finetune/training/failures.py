"""What the libraries raise when a disk is full or memory runs out, as errors that say so."""

from __future__ import annotations

import errno
from pathlib import Path

import torch
from safetensors import SafetensorError

from ingest.errors import StorageError, TroikaError

_FULL = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG)
)
# torch.save has RuntimeError for everything, and tells the cause in its text alone.
_WRITE_FAILED = ("PytorchStreamWriter", "inline_container", "file write failed")
_NO_MEMORY = "can't allocate memory"


def failure_of(error: Exception, output: Path) -> TroikaError | None:
    """The error to report for ``error``; None when it is a defect, and its traceback is wanted.

    Args:
        output: the run's folder.
    """
    reason = (str(error).splitlines() or [""])[0]
    if isinstance(error, TroikaError):
        return error
    if _is_storage(error):
        return StorageError(
            f"the run cannot be saved in {output} ({reason}): make room, then go on with --resume {output}."
        )
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)) or _NO_MEMORY in str(error):
        return TroikaError(
            f"memory ran out ({reason}): lower train.per_device_train_batch_size or train.max_length; "
            "--dry-run estimates what is needed."
        )
    return None


def _is_storage(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno in _FULL
    if isinstance(error, SafetensorError):
        return "os error" in str(error) or "I/O error" in str(error)
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _WRITE_FAILED)
