"""Generators that several pipelines use: one for each release, closed with the last pipeline that has it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field

from service.generate import Generator, Message, Piece, Preparable, Sampling
from service.releases.release import Release


@dataclass(slots=True)
class SharedGenerator:
    """A generator with the number of those who use it."""

    inner: Generator
    users: int = 1
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def languages(self) -> frozenset[str]:
        return self.inner.languages

    def stream(self, messages: Sequence[Message], sampling: Sampling) -> AsyncGenerator[Piece]:
        """As ``Generator.stream``."""
        return self.inner.stream(messages, sampling)

    async def aclose(self) -> None:
        """Leave it; the last one to leave closes it."""
        self.users -= 1
        if self.users == 0:
            try:
                await self.inner.aclose()
            finally:
                self.closed.set()


class SharedGenerators:
    """The generators that are open; for use from a single event loop."""

    def __init__(self, load: Callable[[Release], Generator]) -> None:
        """``load`` makes the generator of a release; called in a thread."""
        self._load = load
        self._open: dict[str, SharedGenerator] = {}
        self._lock = asyncio.Lock()

    async def open(self, release: Release) -> SharedGenerator:
        """The generator of ``release``, ready to be asked; ``aclose`` leaves it.

        Raises:
            TroikaError: what loading it raises.
            AdapterRejectedError: its servers cannot serve the release.
        """
        async with self._lock:
            shared = self._open.get(release.name)
            if shared is not None and shared.users > 0:
                shared.users += 1
                return shared
            if shared is not None:  # What its end unloads must not be what its successor loads.
                await shared.closed.wait()
            self._open[release.name] = shared = SharedGenerator(await self._loaded(release))
            return shared

    async def _loaded(self, release: Release) -> Generator:
        generator = await asyncio.to_thread(self._load, release)
        if isinstance(generator, Preparable):
            try:
                await generator.prepare()
            except BaseException:
                await generator.aclose()
                raise
        return generator
