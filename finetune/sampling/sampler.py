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
        wanted = (Sampling(self.max_tokens, self.temperature, seed) for seed in range(count))
        return [await write(self.generator, messages, sampling) for sampling in wanted]


async def write(generator: Generator, messages: Sequence[Message], sampling: Sampling) -> Sampled:
    """One answer of ``generator``, without the white space around it.

    It ended where no piece says that it was cut; the count of tokens, which not every server tells, has to
    be below the limit, too.

    Raises:
        GeneratorError: the model or the server behind it failed.
    """
    text, written, was_cut = "", 0, False
    async for piece in generator.stream(messages, sampling):
        text += piece.text
        written = piece.completion_tokens or written
        was_cut = was_cut or piece.truncated
    return Sampled(text.strip(), ended=not was_cut and written < sampling.max_tokens)


async def sample_all(
    sampler: Sampler,
    prompts: Sequence[Sequence[Message]],
    count: int,
    *,
    at_once: int,
    keep: Callable[[int, list[Sampled]], None],
) -> None:
    """Write ``count`` answers to each prompt, ``at_once`` prompts together.

    ``keep`` is given the place of a prompt and its answers as soon as they are there, in whatever order.

    Raises:
        GeneratorError: the model or the server behind it failed; the other answers under way are given up.
    """
    room = asyncio.Semaphore(at_once)

    async def answered(place: int, messages: Sequence[Message]) -> None:
        async with room:
            keep(place, await sampler.sample(messages, count))

    try:
        async with asyncio.TaskGroup() as group:
            for place, messages in enumerate(prompts):
                group.create_task(answered(place, messages))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None  # they fail for one reason, and callers know single errors
