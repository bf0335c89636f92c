"""The seam between an answer and whatever writes it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat, as every chat template knows it."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen. Temperature 0 takes the likeliest; ``max_tokens`` bounds the answer.

    ``top_p`` is the model's own for None. The answer ends before a text of ``stop``, and with a
    ``json_schema``, itself in JSON, it is JSON of that schema. The token that a text in ``less_likely``
    begins with loses so many logits, wherever it might stand; the embedded generator and vLLM can do that.
    """

    max_tokens: int
    temperature: float = 0.0
    seed: int = 0
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    json_schema: str | None = None
    less_likely: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of generated text, with the tokens read and written so far where the model tells them.

    ``truncated``: the model had more to say, and ran into ``max_tokens``.
    """

    text: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    truncated: bool = False


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


@runtime_checkable
class Preparable(Protocol):
    """A generator whose model has to be brought to its servers before they are asked."""

    async def prepare(self) -> None:
        """Bring it to all that answer.

        Raises:
            AdapterRejectedError: the model cannot be served there.
        """
        ...
