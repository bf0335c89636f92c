"""One server of a model: asked within limits of time, left out once it fails, taken back once it answers.

A server that fails is left out at once, so that the next question does not wait for it, and a task asks it
for one token now and then, with growing pauses. This is a circuit breaker (Nygard, "Release It!", 2007) that
tries the circuit by itself instead of with somebody's question.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from ingest.errors import AdapterRejectedError, GeneratorError, GeneratorRefusedError, TroikaError
from service.generate import Generator, Message, Piece, Sampling
from service.generators.silence import SilentServerError
from service.observe.failures import told_of

logger = logging.getLogger(__name__)

_PROBE = (Message("user", "1, 2, 3,"),)
_ONE_TOKEN = Sampling(max_tokens=1)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server is waited for, in seconds: for the first token of an answer, and for each next one.

    A server that is left out is asked for a token, for which it has ``probe``, after pauses that double from
    ``first_pause`` to ``longest_pause``: so long after its return it is asked again at the latest.
    """

    first_token: float
    next_token: float
    first_pause: float = 0.25
    longest_pause: float = 4.0
    probe: float = 5.0


class Preparation(Protocol):
    """What a server needs before it can be asked for a model; one that began anew needs it again."""

    async def prepare(self) -> None:
        """Do what is not done yet.

        Raises:
            AdapterRejectedError: it will never do.
            GeneratorError: the server does not answer now.
        """
        ...

    async def undo(self) -> None:
        """Take it back; a server that does not answer needs nothing taken back."""
        ...


class ModelServer:
    """One server of one model; for use from a single event loop."""

    def __init__(
        self, url: str, generator: Generator, preparation: Preparation | None, patience: Patience
    ) -> None:
        """The server at ``url``, which ``generator`` asks and ``aclose`` lets go of."""
        self.url = url
        self.in_flight = 0
        self._generator = generator
        self._preparation = preparation
        self._patience = patience
        self._is_prepared = preparation is None
        self._preparing = asyncio.Lock()
        self._returning: asyncio.Task[None] | None = None
        self._limits: set[asyncio.Timeout] = set()

    @property
    def is_in(self) -> bool:
        """Whether it is asked; else it failed, and is looked after."""
        return self._returning is None or self._returning.done()

    async def prepare(self) -> None:
        """Make sure that it can be asked; one that does not answer now is left out until it does.

        Raises:
            AdapterRejectedError: it never can.
        """
        try:
            await self._prepare()
        except GeneratorError as error:
            self._leave_out(error)

    async def stream(self, messages: Sequence[Message], sampling: Sampling) -> AsyncGenerator[Piece]:
        """As ``Generator.stream``, within the limits of time.

        Raises:
            GeneratorRefusedError: as ``Generator.stream``.
            GeneratorError: it failed or took too long, and is left out from now on.
        """
        self.in_flight += 1
        try:
            await self._prepare()
            async with aclosing(self._timed(messages, sampling)) as pieces:
                async for piece in pieces:
                    yield piece
        except GeneratorRefusedError:
            raise
        except AdapterRejectedError as error:
            self._leave_out(error)
            raise GeneratorError(str(error)) from error
        except GeneratorError as error:
            self._leave_out(error)
            raise
        finally:
            self.in_flight -= 1

    async def aclose(self) -> None:
        """Let the server go; call it when nothing is asked any more."""
        if self._returning is not None:
            self._returning.cancel()
            await asyncio.wait((self._returning,))
        if self._preparation is not None:
            await self._preparation.undo()
        await self._generator.aclose()

    async def _prepare(self) -> None:
        async with self._preparing:
            if self._preparation is not None and not self._is_prepared:
                await self._preparation.prepare()
            self._is_prepared = True

    async def _timed(self, messages: Sequence[Message], sampling: Sampling) -> AsyncGenerator[Piece]:
        seconds = self._patience.first_token
        async with aclosing(self._generator.stream(messages, sampling)) as pieces:
            while True:
                began, limit = time.monotonic(), asyncio.timeout(seconds)
                self._limits.add(limit)
                try:
                    async with limit:
                        piece = await anext(pieces, None)
                except TimeoutError:
                    raise self._silent(time.monotonic() - began) from None
                finally:
                    self._limits.discard(limit)
                if piece is None:
                    return
                yield piece
                seconds = self._patience.next_token

    def _leave_out(self, error: TroikaError) -> None:
        self._is_prepared = self._preparation is None
        if isinstance(error, SilentServerError):
            self._give_up()
        if self.is_in:
            logger.warning("the generator at %s is left out: %s", self.url, told_of(error))
            self._returning = asyncio.create_task(self._return())

    def _give_up(self) -> None:
        """End what waits for the server, which says nothing to anybody."""
        now = asyncio.get_running_loop().time()
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(now)

    async def _return(self) -> None:
        """Ask the server for one token until it gives one."""
        pause = self._patience.first_pause
        while True:
            await asyncio.sleep(pause)
            pause = min(2 * pause, self._patience.longest_pause)
            try:
                await self._prepare()
                await self._write_a_token()
            except TroikaError as error:
                self._is_prepared = self._preparation is None
                logger.debug("the generator at %s does not answer yet: %s", self.url, told_of(error))
            else:
                logger.info("the generator at %s answers again", self.url)
                return

    async def _write_a_token(self) -> None:
        try:
            async with (
                asyncio.timeout(self._patience.probe),
                aclosing(self._generator.stream(_PROBE, _ONE_TOKEN)) as pieces,
            ):
                async for _ in pieces:
                    pass
        except TimeoutError:
            raise self._silent(self._patience.probe) from None

    def _silent(self, seconds: float) -> GeneratorError:
        return GeneratorError(
            f"the generator at {self.url} wrote nothing for {seconds:.2g} s: see what it does."
        )
