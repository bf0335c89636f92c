"""The seam between an answer and whatever writes it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat, as every chat template knows it."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen. Temperature 0 takes the likeliest; ``max_tokens`` bounds the answer."""

    max_tokens: int
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of generated text, with the tokens read and written so far where the model tells them."""

    text: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Generator(Protocol):
    """Writes an answer to a rendered prompt.

    ``name`` is kept with every answer; ``languages`` are the ISO 639-1 codes it can write: a question
    in another language is answered extractively instead.
    """

    @property
    def name(self) -> str: ...

    @property
    def languages(self) -> frozenset[str]: ...

    def stream(self, messages: Sequence[Message], sampling: Sampling) -> AsyncGenerator[Piece]:
        """Yield the answer in pieces. Whoever leaves early closes the generator, which stops the model.

        Raises:
            GeneratorError: the model or the server behind it failed.
        """
        ...

    async def aclose(self) -> None:
        """Free the model or the connections."""
        ...
