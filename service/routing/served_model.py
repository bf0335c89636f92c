"""A model that one or several servers serve: the generator that the pipelines ask.

A question goes to the server that is likeliest to know how its prompt begins; where that one fails before its
first word, another one is asked. While none is left, the pipeline answers from the sources' own words.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from ingest.errors import GeneratorError, GeneratorRefusedError
from service.generate import Message, Piece, Sampling
from service.routing.choose import choose, prefix_of
from service.routing.server import ModelServer

_MOST_TRIES = 2
"""So that a question is not passed on from one silent server to the next."""


class ServedModel:
    """A generator behind URLs; for use from a single event loop."""

    def __init__(self, name: str, languages: frozenset[str], servers: Sequence[ModelServer]) -> None:
        self._name = name
        self._languages = languages
        self._servers = {server.url: server for server in servers}

    @property
    def name(self) -> str:
        return self._name

    @property
    def languages(self) -> frozenset[str]:
        return self._languages

    async def prepare(self) -> None:
        """Have every server that answers make ready for the model; the others do when they return.

        Raises:
            AdapterRejectedError: a server cannot serve it.
        """
        preparing = (server.prepare() for server in self._servers.values())
        for outcome in await asyncio.gather(*preparing, return_exceptions=True):
            if outcome is not None:
                raise outcome

    async def stream(self, messages: Sequence[Message], sampling: Sampling) -> AsyncGenerator[Piece]:
        """Yield the answer of one of the servers.

        Raises:
            GeneratorRefusedError: a server refuses the request as it is put.
            GeneratorError: none answers, or the one that began broke off.
        """
        prefix = prefix_of(messages)
        tried: list[str] = []
        while True:
            server = self._servers[self._next(prefix, tried)]
            tried.append(server.url)
            has_begun = False
            try:
                async with aclosing(server.stream(messages, sampling)) as pieces:
                    async for piece in pieces:
                        has_begun = True
                        yield piece
                return
            except GeneratorRefusedError:
                raise
            except GeneratorError:
                if has_begun or len(tried) == _MOST_TRIES or not self._loads(tried):
                    raise

    async def aclose(self) -> None:
        """Let all servers go."""
        await asyncio.gather(*(server.aclose() for server in self._servers.values()))

    def _next(self, prefix: str, tried: Sequence[str]) -> str:
        loads = self._loads(tried)
        if not loads:
            raise GeneratorError(
                f"no server of {self._name} answers ({', '.join(self._servers)}): start one; it is found "
                "within seconds."
            )
        return choose(prefix, loads)

    def _loads(self, tried: Sequence[str]) -> dict[str, int]:
        """The answers under way at each server that can be asked."""
        return {
            url: server.in_flight
            for url, server in self._servers.items()
            if server.is_in and url not in tried
        }
