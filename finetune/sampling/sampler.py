"""Answers sampled from the generator that serves, several to one prompt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from service.generate import Generator, Message, Sampling


@dataclass(frozen=True, slots=True)
class Sampled:
    """One answer; ``ended`` says that the model ended it, in place of the limit on its length."""

    text: str
    ended: bool


class Sampler(Protocol):
    """Writes answers to a prompt."""

    async def sample(self, messages: Sequence[Message], count: int) -> list[Sampled]:
        """Write ``count`` answers.

        Raises:
            GeneratorError: the model or the server behind it failed.
        """
        ...


@dataclass(frozen=True, slots=True)
class GeneratorSampler:
    """Samples from a served generator, with the seeds 0, 1, …: the same model writes the same again."""

    generator: Generator
    temperature: float
    max_tokens: int

    async def sample(self, messages: Sequence[Message], count: int) -> list[Sampled]:
        """Write ``count`` answers, one after the other: the prompt is read once where the model keeps it."""
        return [await self._one(messages, seed) for seed in range(count)]

    async def _one(self, messages: Sequence[Message], seed: int) -> Sampled:
        text, written = "", 0
        async for piece in self.generator.stream(messages, Sampling(self.max_tokens, self.temperature, seed)):
            text += piece.text
            written = piece.completion_tokens or written
        return Sampled(text.strip(), ended=written < self.max_tokens)


async def sample_all(
    sampler: Sampler,
    prompts: Sequence[Sequence[Message]],
    count: int,
    *,
    at_once: int,
    advance: Callable[[], None] = lambda: None,
) -> list[list[Sampled]]:
    """``count`` answers to each prompt, in the order of the prompts; ``at_once`` are under way together."""
    room = asyncio.Semaphore(at_once)

    async def answered(messages: Sequence[Message]) -> list[Sampled]:
        async with room:
            samples = await sampler.sample(messages, count)
        advance()
        return samples

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(answered(messages)) for messages in prompts]
    return [task.result() for task in tasks]
