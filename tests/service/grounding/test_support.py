from __future__ import annotations

import pytest

from ingest.document import Hit
from service.grounding.support import Grounding
from tests.service.scripted import chunk_of

TEXT = "LoRA trains two small matrices. A rank of 16 is the default for adapters. Warm-up takes 1,000 steps."


@pytest.fixture
def rare() -> Grounding:
    """Every word is as rare as any other."""
    return Grounding(lambda _term: 1, 1000)


def supports(grounding: Grounding, claim: str, text: str = TEXT, question: str = "") -> bool:
    quote = grounding.best_quote(claim, [chunk_of(text)], question)
    return quote is not None and quote.supports


def test_the_best_quote_is_the_sentence_that_says_it(rare: Grounding) -> None:
    chunk = chunk_of(TEXT, start=100)
    quote = rare.best_quote("The default rank is 16.", [chunk])
    assert quote is not None
    assert quote.text == "A rank of 16 is the default for adapters."
    assert quote.text == chunk.text[quote.start - 100 : quote.end - 100]
    assert quote.supports


def test_without_a_chunk_there_is_no_quote(rare: Grounding) -> None:
    assert rare.best_quote("The default rank is 16.", []) is None


@pytest.mark.parametrize(
    "claim",
    [
        "The default rank for adapters is 16.",
        "LoRA trains two small matrices",
        "Warm-up takes 1,000 steps.",
    ],
)
def test_a_claim_in_the_words_of_the_source_is_supported(rare: Grounding, claim: str) -> None:
    assert supports(rare, claim)


@pytest.mark.parametrize(
    "claim",
    [
        "The default rank for adapters is 32.",
        "The default rank for adapters is 16.5.",
        "The default rank for adapters is 16, and 8 was before.",
        "Warm-up takes 100 steps.",
        "Paris lies on the Seine.",
        "LoRA quantises nine enormous tensors of the encoder.",
        "",
        "!",
    ],
)
def test_a_wrong_figure_or_foreign_words_are_not_supported(rare: Grounding, claim: str) -> None:
    assert not supports(rare, claim)


@pytest.mark.parametrize(
    ("claim", "source", "same"),
    [
        ("8-bit numbers", "numbers of 8 bit", True),
        ("It takes 512MB.", "It takes 512 MB.", True),
        ("1000 steps", "1,000 steps", True),
        ("数字是１６。", "数字是 16。", True),
        ("A rate of 5.0", "A rate of 0.5", False),
        ("version 2.1", "version 2.1.3", False),
        ("16 of 32", "16 of 64", False),
    ],
)
def test_figures_are_compared_as_numbers_whatever_stands_around_them(
    rare: Grounding, claim: str, source: str, same: bool
) -> None:
    quote = rare.best_quote(claim, [chunk_of(source)])
    assert quote is not None
    assert quote.has_numbers is same


def test_chinese_claims_are_weighed_by_their_characters(rare: Grounding) -> None:
    source = "每一条引用都指向原文中的确切位置。读者可以自己核对。"
    assert supports(rare, "引用指向原文中的确切位置。", source)
    assert not supports(rare, "巴黎位于塞纳河畔。", source)


def hit_of(text: str, dense_score: float | None = None, language: str = "en") -> Hit:
    return Hit(chunk_of(text, language=language), 1.0, dense_score, 1.0)


def test_no_hit_is_no_evidence(rare: Grounding) -> None:
    assert rare.evidence("What is LoRA?", [], ["en"]) == 0.0


def test_evidence_is_the_share_of_the_questions_words(rare: Grounding) -> None:
    assert rare.evidence("LoRA matrices", [hit_of(TEXT)], ["en"]) == pytest.approx(1.0)
    assert rare.evidence("LoRA kangaroo", [hit_of(TEXT)], ["en"]) == pytest.approx(0.5)
    assert rare.evidence("purple kangaroo", [hit_of(TEXT)], ["en"]) == 0.0


def test_nearness_counts_half_where_the_embedder_reads_the_language(rare: Grounding) -> None:
    near, far = hit_of(TEXT, 0.9), hit_of(TEXT, 0.1)
    assert rare.evidence("purple kangaroo", [near], ["en"]) == pytest.approx(0.5)
    assert rare.evidence("LoRA matrices", [far], ["en"]) == pytest.approx(0.5)
    assert rare.evidence("LoRA matrices", [hit_of(TEXT, 0.9, "zh")], ["en"]) == pytest.approx(1.0)


def test_a_question_without_content_words_has_no_covered_words(rare: Grounding) -> None:
    assert rare.evidence("what is it", [hit_of(TEXT)], ["en"]) == 0.0


def test_the_only_chunk_of_a_collection_answers_although_a_word_of_the_question_is_missing() -> None:
    present = {"lora", "train", "small", "matric"}
    only = Grounding(lambda term: int(term in present), 1)
    evidence = only.evidence("Does LoRA train small matrices nowadays?", [hit_of(TEXT)], ["en"])
    assert evidence > 0.7
    assert only.evidence("What is the capital of Australia?", [hit_of(TEXT)], ["en"]) == 0.0


def test_a_rare_word_weighs_more_than_a_common_one() -> None:
    grounding = Grounding({"adapt": 900, "lora": 2}.__getitem__, 1000)
    assert grounding.overlap("adapter lora", "LoRA") > 0.9
    assert grounding.overlap("adapter lora", "adapters") < 0.1
