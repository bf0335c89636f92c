"""What a process that opens foreign files takes from itself, before it opens the first."""

from __future__ import annotations

import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

_FILE_BYTES = 16_000_000
_MEMORY_MARGIN = 1.25


def confine(memory_bytes: int) -> None:
    """Take from this process what reading files does not need; its alarm ends it, in whatever code it hangs.

    The kernel refuses memory beyond the limit and a margin, because it counts what was asked for; from the
    limit on, a parent that counts what is in use ends the process.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGALRM,))
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, _FILE_BYTES)
    # Outside of Linux, RLIMIT_DATA leaves out what allocators map.
    kind = resource.RLIMIT_DATA if sys.platform == "linux" else resource.RLIMIT_AS
    with suppress(ValueError, OSError):
        _limit(kind, int(memory_bytes * _MEMORY_MARGIN))
    # Where all memory runs out, the kernel then ends this process rather than its parent.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _limit(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (bound, bound))
