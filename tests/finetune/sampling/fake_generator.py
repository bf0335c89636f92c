"""A generator that writes by rule, and can fail in the middle."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field

from ingest.errors import GeneratorError
from service.generate import Message, Piece, Sampling

Rule = Callable[[Sequence[Message], Sampling], Sequence[Piece]]


@dataclass
class FakeGenerator:
    """Writes what ``rule`` says, and fails instead of the answer after ``fails_after`` ones."""

    rule: Rule
    fails_after: int | None = None
    asked: list[Sequence[Message]] = field(default_factory=list[Sequence[Message]])
    name: str = "fake"
    languages: frozenset[str] = frozenset({"en", "zh"})

    async def stream(self, messages: Sequence[Message], sampling: Sampling) -> AsyncGenerator[Piece]:
        if self.fails_after is not None and len(self.asked) >= self.fails_after:
            raise GeneratorError("the fake generator fails: it was told so.")
        self.asked.append(messages)
        for piece in self.rule(messages, sampling):
            yield piece

    async def aclose(self) -> None:
        """Nothing is held."""


def wrote(text: str) -> list[Piece]:
    """An answer that the model ended, of a server that tells no counts."""
    return [Piece(text)]


def cut(text: str) -> list[Piece]:
    """An answer that ran into its limit, of a server that tells no counts."""
    return [Piece(text), Piece("", truncated=True)]
