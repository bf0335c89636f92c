"""vLLM as a child of the server: started, watched, started again with growing pauses, stopped with it.

Answers do not wait for it: while it is down, the pipeline quotes the passages and says so.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, STDOUT, Process
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import httpx

from ingest.errors import GeneratorError
from service.vllm.command import VllmCommand

logger = logging.getLogger(__name__)

_LAST_WORDS = 2_000
_READ_BACK = 200_000
# The first exception of a start is the cause; those that follow say that others failed with it.
_CAUSE = re.compile(r"(?:^|\s)(\w+(?:Error|Exception): \S.*)")
# Asks the kernel to end vLLM when this process dies, however it dies. The signal follows the thread that
# started the child, so the child must be started from the main thread, where the event loop runs.
_LAUNCHER = (
    "import ctypes, os, signal, sys\n"
    "ctypes.CDLL(None).prctl(1, signal.SIGTERM)\n"
    "if os.getppid() == int(sys.argv[1]): os.execv(sys.argv[2], sys.argv[2:])\n"
)


class VllmState(StrEnum):
    """What the child is doing; it answers when it is ready."""

    STARTING = "starting"
    READY = "ready"
    DOWN = "down"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class SupervisionPolicy:
    """How the child is watched; all times in seconds.

    A child that has not answered ``start_seconds`` after its start, or ``silent_seconds`` when it was ready,
    is killed. The pause before it is started again doubles from ``first_pause`` to ``longest_pause``, and
    starts over once it was ready.
    """

    start_seconds: float = 600.0
    silent_seconds: float = 20.0
    poll_seconds: float = 0.5
    first_pause: float = 1.0
    longest_pause: float = 60.0
    stop_seconds: float = 15.0


class VllmProcess:
    """One supervised vLLM; its output is appended to a log file."""

    def __init__(self, command: VllmCommand, log: Path, policy: SupervisionPolicy | None = None) -> None:
        self.command = command
        self._log = log
        self._policy = policy or SupervisionPolicy()
        self._health = command.base_url.removesuffix("/v1") + "/health"
        self._state = VllmState.STOPPED
        self._changed = asyncio.Condition()
        self._said = ""
        self._supervising: asyncio.Task[None] | None = None
        self._log_start = 0
        self.starts = 0

    @property
    def state(self) -> VllmState:
        return self._state

    def start(self) -> None:
        """Begin to supervise; returns at once."""
        self._state = VllmState.STARTING
        self._supervising = asyncio.create_task(self._supervise())

    async def wait_ready(self, seconds: float, *, once: bool = False) -> None:
        """Wait until vLLM answers; with ``once`` no longer than to its first end.

        Raises:
            GeneratorError: it does not within ``seconds``; the message says why, as far as its log does.
        """
        awaited = {VllmState.READY, VllmState.DOWN} if once else {VllmState.READY}
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: self._state in awaited)
        if self._state is not VllmState.READY:
            how = "ended" if self._state is VllmState.DOWN else f"did not answer within {seconds:.0f} s"
            raise GeneratorError(f"vLLM {how}: {self._last_words()} (see {self._log}).")

    async def stop(self) -> None:
        """End the child and wait for it: asked first, killed when it does not go."""
        if self._supervising is not None:
            self._supervising.cancel()
            await asyncio.wait((self._supervising,))
            self._supervising = None
        await self._become(VllmState.STOPPED)

    async def _supervise(self) -> None:
        pause = self._policy.first_pause
        async with httpx.AsyncClient(timeout=self._policy.poll_seconds * 4) as client:
            while True:
                await self._become(VllmState.STARTING)
                was_ready = await self._run_once(client)
                await self._become(VllmState.DOWN)
                pause = self._policy.first_pause if was_ready else pause
                logger.warning(
                    "vLLM is down (%s); it is started again in %.0f s, see %s",
                    self._last_words(),
                    pause,
                    self._log,
                )
                await asyncio.sleep(pause)
                pause = min(pause * 2, self._policy.longest_pause)

    async def _run_once(self, client: httpx.AsyncClient) -> bool:
        """Start the child and follow it to its end; whether it was ready in between."""
        try:
            child = await self._spawn()
        except OSError as error:  # no memory, no process to be had, no folder for the log: all of it may pass
            logger.warning("vLLM cannot be started: %s", error)
            return False
        try:
            return await self._watch(child, client)
        finally:
            await self._end(child)

    async def _spawn(self) -> Process:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self.starts += 1
        with self._log.open("ab") as log:
            self._log_start = log.tell()
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                _LAUNCHER,
                str(os.getpid()),
                *self.command.arguments,
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT,
                env=dict(self.command.environment),
                start_new_session=True,
            )

    async def _watch(self, child: Process, client: httpx.AsyncClient) -> bool:
        """Follow the child until it ends or falls silent; whether it was ready in between."""
        was_ready = False
        answered = time.monotonic()
        while child.returncode is None:
            if await self._answers(client):
                answered, was_ready = time.monotonic(), True
                await self._become(VllmState.READY)
            limit = self._policy.silent_seconds if was_ready else self._policy.start_seconds
            if time.monotonic() - answered > limit:
                logger.warning("vLLM has not answered for %.0f s: it is killed", limit)
                break
            with suppress(TimeoutError):
                await asyncio.wait_for(child.wait(), self._policy.poll_seconds)
        return was_ready

    async def _answers(self, client: httpx.AsyncClient) -> bool:
        try:
            return (await client.get(self._health)).is_success
        except httpx.HTTPError:
            return False

    async def _end(self, child: Process) -> None:
        """End the child and all it started, which are one session."""
        for end in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(child.pid, end)
            with suppress(TimeoutError):
                await asyncio.wait_for(child.wait(), self._policy.stop_seconds)
                if end is signal.SIGTERM:
                    continue  # What it leaves behind is killed all the same.

    def _last_words(self) -> str:
        """What the child said of its end, or said last; one that has only begun, what the one before said."""
        try:
            with self._log.open("rb") as log:
                log.seek(max(self._log_start, log.seek(0, os.SEEK_END) - _READ_BACK))
                written = log.read().decode(errors="replace")
        except OSError:
            written = ""
        cause = next(filter(None, map(_CAUSE.search, written.splitlines())), None)
        said = cause[1] if cause else " ".join(written[-_LAST_WORDS:].split())
        self._said = said or self._said
        return self._said or "it wrote nothing"

    async def _become(self, state: VllmState) -> None:
        async with self._changed:
            if state is not self._state:
                logger.info("vLLM is %s", state)
            self._state = state
            self._changed.notify_all()
