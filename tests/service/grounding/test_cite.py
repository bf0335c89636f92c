from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.grounding.cite import Citer, MarkerFilter, answer_sentences, is_exact, without_markers
from service.grounding.support import Grounding
from tests.service.scripted import passages_of
from tests.small_handbook import make_document

KNOWN = frozenset({1, 2})
LORA = "LoRA freezes the base model. It trains two small matrices."
RANK = "A rank of 16 is the default. Alpha is twice the rank."


def filtered(*pieces: str) -> tuple[str, int]:
    """What comes out of a filter that knows the markers 1 and 2, and how many others it met."""
    markers = MarkerFilter(KNOWN)
    return "".join([*(markers.feed(piece) for piece in pieces), markers.finish()]), markers.invented


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in answer_sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected", "invented"),
    [
        ("One [1]. Two [2].", "One [1]. Two [2].", 0),
        ("One [3].", "One.", 1),
        ("One [0][1][12].", "One[1].", 2),
        ("One [1, 2].", "One [1][2].", 0),
        ("One [ 1,7， 2 ].", "One [1][2].", 1),
        ("One [7、8].", "One.", 2),
        ("[9] One.", " One.", 1),
        ("One.\n[9] Two.", "One.\n Two.", 1),
        ("甲。[1]乙。[5]", "甲。[1]乙。", 1),
        ("In [2024] and [a1] and [].", "In [2024] and [a1] and [].", 0),
        ("It never closes [1", "It never closes [1", 0),
        ("It never closes [1 and goes on", "It never closes [1 and goes on", 0),
        ("[[1]]", "[[1]]", 0),
        ("", "", 0),
    ],
)
def test_markers_that_name_no_passage_are_dropped_and_counted(
    text: str, expected: str, invented: int
) -> None:
    assert filtered(text) == (expected, invented)


def test_a_marker_that_has_begun_is_held_back() -> None:
    markers = MarkerFilter(KNOWN)
    assert markers.feed("One [") == "One"
    assert markers.feed("1") == ""
    assert markers.feed("].") == " [1]."


def test_a_bracket_that_turns_out_to_be_none_is_let_go_at_once() -> None:
    markers = MarkerFilter(KNOWN)
    assert markers.feed("see [1") == "see"
    assert markers.feed("x") == " [1x"
    assert markers.feed("[" + "1," * 100) == "[" + "1," * 100


@given(st.text(alphabet="a 1290[],，\n。", max_size=60), st.lists(st.integers(0, 60), max_size=12))
def test_however_the_text_is_cut_the_same_comes_out(text: str, cuts: list[int]) -> None:
    bounds = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[start:end] for start, end in itertools.pairwise(bounds)]
    assert filtered(*pieces) == filtered(text)


@given(st.text(max_size=40))
def test_text_without_brackets_passes_unchanged(text: str) -> None:
    plain = text.replace("[", "")
    assert filtered(*plain) == (plain, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One [1]. Two [2].", ["One [1].", "Two [2]."]),
        ("One. [1] Two. [2]", ["One. [1]", "Two. [2]"]),
        ("One.[1] Two.[2]", ["One.[1]", "Two.[2]"]),
        ("One. [1][2] Two.", ["One. [1][2]", "Two."]),
        ("One. [1] [2]\nTwo.", ["One. [1] [2]", "Two."]),
        ("One [1] and more [2]. Two.", ["One [1] and more [2].", "Two."]),
        ("[1] One. [2] Two.", ["[1] One.", "[2] Two."]),
        ("[1][2] One. Two. [3]", ["[1][2] One.", "Two. [3]"]),
        ("甲是乙。[1]丙是丁。[2]", ["甲是乙。[1]", "丙是丁。[2]"]),
        ("甲是乙[1]。丙是丁[2][1]。", ["甲是乙[1]。", "丙是丁[2][1]。"]),
        ("甲是乙。[1][2]", ["甲是乙。[1][2]"]),
        ("“甲。”[1]乙！", ["“甲。”[1]", "乙！"]),
        ("one without a stop [1]", ["one without a stop [1]"]),
        ("one\ntwo [2]", ["one", "two [2]"]),
        ("  One.  ", ["One."]),
        ("[1]", []),
        ("", []),
    ],
)
def test_a_sentence_takes_its_markers_with_it(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@given(st.text(alphabet="Ab. 。\n[12]", max_size=40))
def test_sentences_lie_in_the_text_in_order_without_overlap(text: str) -> None:
    end_before = 0
    for start, end in answer_sentences(text):
        assert end_before <= start < end <= len(text)
        assert text[start:end] == text[start:end].strip()
        end_before = end


def test_a_claim_is_the_sentence_without_its_markers() -> None:
    assert without_markers(" One [1][2]. ") == "One."
    assert without_markers("[1] One.") == "One."
    assert without_markers("[1]") == ""


@pytest.fixture
def citer() -> Citer:
    return Citer("", passages_of(LORA, RANK), Grounding(lambda _term: 1, 1000))


def test_a_named_passage_is_quoted_where_it_bears_the_sentence_out(citer: Citer) -> None:
    (citation,) = citer.cite("The default rank is 16 [2].").citations
    assert (citation.marker, citation.quote) == (2, "A rank of 16 is the default.")
    assert citation.supported


def test_a_passage_that_is_named_in_vain_is_cited_as_unsupported(citer: Citer) -> None:
    cited = citer.cite("The default rank is 16 [1].")
    assert [(citation.marker, citation.supported) for citation in cited.citations] == [(1, False)]
    assert cited.groundedness == 0.0


def test_each_of_several_markers_gets_its_citation(citer: Citer) -> None:
    cited = citer.cite("LoRA freezes the base model [1][2].")
    assert [(citation.marker, citation.supported) for citation in cited.citations] == [(1, True), (2, False)]
    assert cited.groundedness == 1.0


def test_an_unmarked_sentence_is_attributed_to_the_passage_that_says_it(citer: Citer) -> None:
    cited = citer.cite("Alpha is twice the rank. Paris is a city.")
    assert [citation.marker for citation in cited.citations] == [2]
    assert cited.groundedness == 0.5


def test_the_span_of_a_citation_is_its_sentence_with_markers(citer: Citer) -> None:
    text = "LoRA freezes the base model. [1] A rank of 16 is the default [2]."
    spans = [text[item.answer_start : item.answer_end] for item in citer.cite(text).citations]
    assert spans == ["LoRA freezes the base model. [1]", "A rank of 16 is the default [2]."]


@pytest.mark.parametrize("text", ["", "[1]", " \n"])
def test_an_answer_that_says_nothing_has_no_citations(citer: Citer, text: str) -> None:
    cited = citer.cite(text)
    assert (cited.citations, cited.groundedness) == ((), 0.0)


@given(st.text(alphabet="Ranklpti 16.[]2\n", max_size=60))
def test_every_citation_is_exact_and_lies_in_the_answer(text: str) -> None:
    passages = passages_of(LORA, RANK)
    sources = {passage.chunk.id: passage.chunk for passage in passages}
    for citation in Citer("", passages, Grounding(lambda _term: 1, 1000)).cite(text).citations:
        assert 0 <= citation.answer_start < citation.answer_end <= len(text)
        source = sources[citation.chunk.id]
        assert source.text[citation.quote_start : citation.quote_end] == citation.quote


def test_a_quote_that_differs_from_its_document_is_found_out(citer: Citer) -> None:
    (citation,) = citer.cite("LoRA freezes the base model [1].").citations
    assert is_exact(citation, make_document("lora.md", "Guide", LORA))
    assert not is_exact(citation, make_document("lora.md", "Guide", " " + LORA))


def test_every_sentence_is_checked_and_says_what_it_cites() -> None:
    text = "A rank of 16 is the default [1][2]. The rank of 32 is the default."
    cited = Citer("", passages_of(RANK, LORA), Grounding(lambda _term: 1, 1000)).cite(text)
    first, second = cited.sentences
    assert (text[first.start : first.end], first.markers) == ("A rank of 16 is the default [1][2].", (1, 2))
    assert (first.supported, second.supported) == (True, False)
    assert second.markers == ()
    assert 0.0 <= second.score < first.score <= 1.0
    assert cited.groundedness == 0.5
