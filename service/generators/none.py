"""No model at all: for ``generator.kind = "extractive"``."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from ingest.errors import GeneratorError
from service.generate import Message, Piece, Sampling


class NoGenerator:
    """Stands where a model would; the extractive writer answers instead, in any language."""

    def __init__(self, languages: frozenset[str]) -> None:
        self._languages = languages

    @property
    def name(self) -> str:
        return "extractive"

    @property
    def languages(self) -> frozenset[str]:
        return self._languages

    async def stream(
        self,
        messages: Sequence[Message],  # noqa: ARG002
        sampling: Sampling,  # noqa: ARG002
    ) -> AsyncGenerator[Piece]:
        """Refuse: there is no model to ask."""
        raise GeneratorError(
            "generator.kind is extractive, so there is no model to ask: choose another kind."
        )
        yield  # makes this an async generator, as the protocol has it

    async def aclose(self) -> None:
        """Nothing to free."""
