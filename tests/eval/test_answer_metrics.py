"""Words and citations are compared as the documentation says."""

from __future__ import annotations

import dataclasses

import pytest

from eval.answer_metrics import (
    contains_answer,
    evidence_spans,
    exact_match,
    is_exact,
    is_right,
    names_document,
    token_f1,
    tokens,
    without_markers,
)
from eval.cases.case import Case, Relevant
from ingest.document import BlockKind, Chunk
from service.answer import Citation

SOURCE = "Intro text.\nThe adapter is\nmerged at once. The end."


def citation(start: int, end: int, quote: str | None = None) -> Citation:
    """A citation of ``SOURCE[start:end]`` whose chunk is that same span."""
    chunk = Chunk(
        "c", "d", "file:///books/%E6%89%8B%E5%86%8C.md", "", (), SOURCE[start:end], start, end, None, None,
        BlockKind.PARAGRAPH, "en",
    )  # fmt: skip
    return Citation(1, chunk, 0, 1, SOURCE[start:end] if quote is None else quote, start, end, None, True)


def case(document: str | None, evidence: str | None = None) -> Case:
    return Case("q", "?", "en", ("x",), True, () if document is None else (Relevant(document, evidence),))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The U.S. Army's 2,000 men!", ["us", "armys", "2000", "men"]),
        ("一个LoRA适配器。", ["一", "个", "lora", "适", "配", "器"]),
        ("ＬｏＲＡ，１６", ["lora16"]),
        ("检索、微调", ["检", "索", "微", "调"]),
        ("RAG、SFT", ["rag", "sft"]),
        ("“It’s”", ["its"]),
        ("a an the", []),
    ],
)
def test_the_normal_form(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


def test_full_width_and_half_width_are_the_same_and_traditional_characters_are_not_simplified() -> None:
    assert exact_match("（Ａ）模型，数据。", ["(a)模型,数据"]) == 1.0
    assert exact_match("檢索", ["检索"]) == 0.0


@pytest.mark.parametrize(
    ("answer", "references", "f1"),
    [
        ("the cat sat", ["a cat sat"], 1.0),
        ("cat", ["cat sat"], 2 / 3),
        ("dog dog", ["dog"], 2 / 3),
        ("fish", ["cat", "fish"], 1.0),
        ("fish", ["cat"], 0.0),
        ("适配器", ["适配层"], 2 / 3),
        ("the", ["an"], 1.0),
        ("", ["cat"], 0.0),
    ],
)
def test_token_f1_takes_the_best_reference(answer: str, references: list[str], f1: float) -> None:
    assert token_f1(answer, references) == pytest.approx(f1)


def test_contained_words_must_be_unbroken() -> None:
    assert contains_answer("It stood from 1870 to 1939, they say.", ["1870 to 1939"]) == 1.0
    assert contains_answer("from 1870 up to 1939", ["1870 to 1939"]) == 0.0
    assert contains_answer("cats", ["cat"]) == 0.0
    assert contains_answer("anything", ["the"]) == 0.0


def test_markers_are_no_words() -> None:
    assert without_markers("Momus [1]. 是的［2］。") == "Momus. 是的。"


def test_a_citation_is_exact_only_when_its_quote_is_the_source_at_its_span() -> None:
    good = citation(12, 26)
    assert is_exact(good, SOURCE)
    assert not is_exact(citation(12, 26, "The adapter was"), SOURCE)
    assert not is_exact(dataclasses.replace(good, quote_start=13, quote_end=27), SOURCE)
    assert not is_exact(dataclasses.replace(good, quote_start=-5), SOURCE)
    assert not is_exact(dataclasses.replace(good, quote="", quote_end=12), SOURCE)


def test_a_citation_is_right_when_it_names_the_document_and_overlaps_the_evidence() -> None:
    evidence = "adapter is merged"
    assert is_right(citation(20, 40), case("手册.md", evidence), SOURCE) is True
    assert is_right(citation(0, 11), case("手册.md", evidence), SOURCE) is False
    assert is_right(citation(0, 11), case("手册.md"), SOURCE) is True
    assert is_right(citation(20, 40), case("other.md", evidence), SOURCE) is False
    assert is_right(citation(20, 40), case("手册.md", "words that are not there"), SOURCE) is False
    assert is_right(citation(20, 40), case(None), SOURCE) is None


def test_a_document_is_named_by_whole_path_segments() -> None:
    assert names_document("file:///a/b/c.md", "b/c.md")
    assert names_document("file:///a/b/c.md", "/c.md")
    assert not names_document("file:///a/b/abc.md", "c.md")


def test_evidence_is_found_across_line_breaks_and_missing_spaces() -> None:
    assert [SOURCE[start:end] for start, end in evidence_spans(SOURCE, "is merged")] == ["is\nmerged"]
    assert evidence_spans(SOURCE, "  ") == []
