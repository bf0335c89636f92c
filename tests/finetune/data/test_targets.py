from __future__ import annotations

import pytest

from eval.cases.case import Case, Relevant
from finetune.data.choices import TargetForm
from finetune.data.targets import target_text
from service.grounding.cite import Citer
from service.grounding.support import Grounding
from tests.service.scripted import passages_of

PASSAGE = "The library opened in 1976. It was\nrebuilt in May 1990."


def case(*answers: str, language: str = "en", evidence: str | None = None) -> Case:
    return Case("x", "What?", language, answers, True, (Relevant("d", evidence),))


@pytest.mark.parametrize(
    ("answers", "gold", "expected"),
    [
        (("1976",), {2: PASSAGE}, "1976 [2]"),
        (("IN may 1990",), {2: PASSAGE}, "in May 1990 [2]"),
        (("was rebuilt",), {1: PASSAGE}, "was rebuilt [1]"),
        (("nineteen", "1990"), {1: PASSAGE}, "1990 [1]"),
        (("fourteen years",), {3: PASSAGE}, "fourteen years [3]"),
        (("76",), {1: PASSAGE}, "76 [1]"),
        (("both",), {1: PASSAGE, 3: "It was rebuilt."}, "both [1][3]"),
        (
            ("It was rebuilt then. Readers love dogs. Never mind.",),
            {1: PASSAGE, 3: "Readers may bring dogs."},
            "It was rebuilt then. [1] Readers love dogs. [3]",
        ),
    ],
)
def test_an_answer_is_quoted_as_it_stands_in_the_passage(
    answers: tuple[str, ...], gold: dict[int, str], expected: str
) -> None:
    assert target_text(case(*answers), gold, TargetForm.ANSWER) == expected


def test_a_chinese_answer_is_quoted_as_it_stands() -> None:
    gold = {1: "他于1917年加入。第二年离开。"}
    assert target_text(case("1917年", language="zh"), gold, TargetForm.ANSWER) == "1917年 [1]"
    assert target_text(case("1917年", language="zh"), gold, TargetForm.SENTENCE) == "他于1917年加入。 [1]"


@pytest.mark.parametrize(
    ("evidence", "text", "expected"),
    [
        ("The  rank\nis 16.", "The rank is 16. It stays.", "The rank is 16. [1]"),
        ("the rank is 16,", "And the rank is 16, mostly.", "the rank is 16. [1]"),
        (f"{'Long ' * 40}start. The rank is 16.", None, "The rank is 16. [1]"),
        (f"{'long ' * 40}rank 16", None, "16. [1]"),
        (None, "Alpha is 32. The rank is 16.", "The rank is 16. [1]"),
        (None, "No number here.", "16. [1]"),
    ],
)
def test_a_sentence_is_the_evidence_when_short_else_the_one_with_the_answer_else_the_answer(
    evidence: str | None, text: str | None, expected: str
) -> None:
    gold = {1: text or evidence or ""}
    assert target_text(case("16", evidence=evidence), gold, TargetForm.SENTENCE) == expected


def test_each_passage_of_a_sentence_target_gives_its_own_sentence() -> None:
    wanted = Case(
        "x", "What?", "en", ("1976",), True, (Relevant("a", "He bred dogs."), Relevant("b", "Born 1976."))
    )
    gold = {1: "Born 1976.", 3: "He bred dogs. Many."}
    assert target_text(wanted, gold, TargetForm.SENTENCE) == "Born 1976. [1] He bred dogs. [3]"


FOOTNOTED = "Marie Curie was born in Warsaw[3] in 1867.[4]"


@pytest.mark.parametrize(
    ("answer", "evidence", "form", "expected"),
    [
        ("Warsaw[3]", None, TargetForm.ANSWER, "Warsaw(3) [1]"),
        ("Warsaw[3], Poland", None, TargetForm.ANSWER, "Warsaw(3), Poland [1]"),
        ("Warsaw", FOOTNOTED, TargetForm.SENTENCE, "Marie Curie was born in Warsaw(3) in 1867.(4) [1]"),
        ("1867.[4]", "elsewhere", TargetForm.SENTENCE, "Marie Curie was born in Warsaw(3) in 1867.(4) [1]"),
        ("Paris.[2, 5]", None, TargetForm.SENTENCE, "Paris.(2, 5) [1]"),
    ],
)
def test_a_footnote_mark_of_a_source_is_not_taught_as_a_citation(
    answer: str, evidence: str | None, form: TargetForm, expected: str
) -> None:
    assert target_text(case(answer, evidence=evidence), {1: FOOTNOTED}, form) == expected


def test_a_quote_with_a_footnote_mark_is_found_in_its_source() -> None:
    text = target_text(case("Warsaw"), {1: FOOTNOTED}, TargetForm.SENTENCE)
    passages = passages_of(FOOTNOTED, "Many.", "He was born in Paris.")
    cited = Citer("Where was she born?", passages, Grounding(lambda _term: 1, 1000)).cite(text)
    assert [(citation.marker, citation.quote) for citation in cited.citations] == [(1, FOOTNOTED)]
    assert cited.groundedness == 1.0


@pytest.mark.parametrize(
    "sentence", ["It opened (in 1976.)", 'They say "16."', "她说“是十六。”", "The rank is 16.", "Is it 16?"]
)
def test_a_sentence_that_is_ended_is_not_ended_again(sentence: str) -> None:
    wanted = case("16", "1976", "十六", evidence=sentence)
    assert target_text(wanted, {1: sentence}, TargetForm.SENTENCE) == f"{sentence} [1]"
