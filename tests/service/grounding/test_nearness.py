from __future__ import annotations

import pytest

from ingest.embed import Embedder
from service.grounding.cite import Citer
from service.grounding.nearness import EmbeddedNearness
from service.grounding.sentence_gate import SupportGate
from service.grounding.support import Grounding
from tests.service.scripted import passages_of

RANK = "A rank of 16 is the default. Alpha is twice the rank."


class Compared:
    """Finds everything in English as near as it is told, and remembers what it compared."""

    def __init__(self, cosine: float) -> None:
        self.pairs: list[tuple[str, str]] = []
        self._cosine = cosine

    def cosine(self, text: str, quote: str, language: str) -> float | None:
        self.pairs.append((text, quote))
        return self._cosine if language == "en" else None


def grounding(nearness: Compared | None) -> Grounding:
    return Grounding(lambda _term: 1, 1000, nearness)


def test_the_best_quote_alone_is_compared_and_its_cosine_counts() -> None:
    chunks = [passage.chunk for passage in passages_of(RANK)]
    scores: list[float] = []
    for cosine in (0.1, 0.9):
        compared = Compared(cosine)
        quote = grounding(compared).best_quote("The default rank is 16.", chunks)
        assert quote is not None
        assert compared.pairs == [("The default rank is 16.", "A rank of 16 is the default.")]
        assert quote.features[-1] == cosine
        scores.append(quote.score)
    assert scores[0] < scores[1]


def test_a_language_that_is_not_compared_is_judged_by_its_words() -> None:
    chunks = [passage.chunk for passage in passages_of("默认的秩是16。", RANK)]
    claim = "默认的秩是16。"
    assert grounding(Compared(0.0)).best_quote(claim, chunks) == grounding(None).best_quote(claim, chunks)


@pytest.mark.parametrize("compares", [True, False])
def test_a_gate_that_compares_meanings_is_asked_off_the_event_loop(compares: bool) -> None:
    citer = Citer("", passages_of(RANK), grounding(Compared(0.9) if compares else None))
    gate = SupportGate(citer, ["Rank"], "en", 2)
    assert not gate.asks_model("A rank of 16")
    assert gate.asks_model("A rank of 16 is the default. Alpha") is compares
    assert gate.asks_model(None) is compares


def test_texts_that_say_the_same_lie_nearer_than_others(embedder: Embedder) -> None:
    nearness = EmbeddedNearness(embedder)
    near = nearness.cosine("The car is quick.", "The automobile is fast.", "en")
    far = nearness.cosine("The car is quick.", "Bread is baked in an oven.", "en")
    assert near is not None
    assert far is not None
    assert far + 0.2 < near <= 1.0
    assert nearness.cosine("快", "快", "zh") is None
