"""The server's side of the process that ingests."""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from service.jobs.messages import Assignment, Report, decode

_LINE_BYTES = 1 << 26
"""The longest line, which names every source that could not be read."""

_LAUNCHER = "import sys; sys.path[:] = sys.argv[1:]; from service.jobs.worker import main; main()"


class IngestProcess:
    """A process that does one assignment."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def reports(self) -> AsyncGenerator[Report]:
        """What it says, until it ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            yield decode(line)

    def kill(self) -> None:
        """End it now; what it has done so far is taken up by the next run."""
        with suppress(ProcessLookupError):
            self._process.kill()


@asynccontextmanager
async def ingest_process(assignment: Assignment) -> AsyncGenerator[IngestProcess]:
    """Start a process on an assignment; it does not outlive the block, nor this process."""
    path = [os.path.abspath(entry) for entry in sys.path]  # noqa: PTH100 - "" stands for where we are
    # In a session of its own, because Ctrl-C in a terminal is for the server.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _LAUNCHER, *path),
        stdin=PIPE,
        stdout=PIPE,
        limit=_LINE_BYTES,
        start_new_session=True,
    )
    child = IngestProcess(process)
    try:
        assert process.stdin is not None
        process.stdin.write(pickle.dumps(assignment))
        with suppress(ConnectionError):  # it died; that it says nothing tells as much
            await process.stdin.drain()
        yield child
    finally:
        child.kill()
        await process.wait()
