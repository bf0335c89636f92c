"""The adapter that comes with the project goes with the packaged model and the prompt of today."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

pytest.importorskip("xllamacpp")

from ingest.settings import GeneratorSettings
from service.answer import Passage
from service.generate import Generator, Sampling
from service.prompt import is_refusal, render
from service.releases.release import PACKAGED
from service.releases.served import first_release
from service.wiring import load_generator
from tests.service.scripted import passages_of

PASSAGES = passages_of(
    "The lighthouse of Hornby was built in 1868 by the engineer Clara Voss. It is 31 metres high.",
    "Hornby has two harbours. The northern one is used by fishing boats.",
)


def test_it_answers_with_a_citation_and_refuses_what_its_sources_do_not_say(home: Path) -> None:
    settings = GeneratorSettings(threads=1)
    release = first_release(settings)

    async def answers() -> list[str]:
        generator = load_generator(settings, release, home)
        texts = [
            await written(generator, question, PASSAGES)
            for question in ("Who built the lighthouse of Hornby?", "What does a ticket for the ferry cost?")
        ]
        await generator.aclose()
        return texts

    answer, refusal = asyncio.run(answers())
    assert "Clara Voss" in answer
    assert "[1]" in answer
    assert is_refusal(refusal, "en")


async def written(generator: Generator, question: str, passages: Sequence[Passage]) -> str:
    pieces = generator.stream(render(question, passages, "en"), Sampling(max_tokens=32))
    return "".join([piece.text async for piece in pieces])


def test_it_is_small_enough_to_be_handed_on() -> None:
    sizes = {path.name: path.stat().st_size for path in PACKAGED.glob("*@*/adapter*.*")}
    assert {"adapter.gguf", "adapter_model.safetensors"} < set(sizes)
    assert max(sizes.values()) <= 25_000_000
