from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.grounding.cite import Citer, MarkerFilter
from service.grounding.sentence_gate import OpenGate, SentenceGate, SupportGate
from service.grounding.support import Grounding
from service.prompt import TEMPLATES
from tests.service.scripted import ScriptedEntailment, passages_of

LORA = "LoRA freezes the base model. It trains two small matrices."
RANK = "A rank of 16 is the default. Alpha is twice the rank."
REFUSAL = TEMPLATES["en"].refusal


def support_gate(max_sentences: int = 2, language: str = "en", *sources: str) -> SupportGate:
    passages = passages_of(*(sources or (LORA, RANK)))
    headlines = [passage.chunk.headline for passage in passages]
    citer = Citer("", passages, Grounding(lambda _term: 1, 1000))
    return SupportGate(citer, headlines, language, max_sentences)


def shown(gate: SentenceGate, *pieces: str) -> str:
    """What the gate lets through of a stream that is left once the gate is full.

    As in the pipeline, a marker filter stands before the gate, so that markers reach it whole.
    """
    markers = MarkerFilter({1, 2, 3})
    out = ""
    for piece in [*map(markers.feed, pieces), markers.finish()]:
        out += gate.feed(piece)
        if gate.full:
            return out
    return out + gate.finish()


def test_of_a_trained_generator_a_bare_word_that_its_source_holds_is_enough() -> None:
    citer = Citer("How large is the default?", passages_of(LORA, RANK), Grounding(lambda _term: 1, 1000))

    def gate(*, trained: bool) -> SupportGate:
        return SupportGate(citer, ["Rank"], "en", 2, trained=trained)

    assert shown(gate(trained=True), "16 [2].") == "16 [2]."
    assert shown(gate(trained=True), "Two small matrices [1].") == "Two small matrices [1]."
    assert shown(gate(trained=True), "17 [2].") == ""
    assert shown(gate(trained=True), "[2].") == ""
    assert shown(gate(trained=False), "16 [2].") == ""


def test_of_a_trained_generator_a_source_beside_the_question_is_not_enough() -> None:
    passages = passages_of(
        "Refusal recall is the share of the unanswerable questions that were refused. "
        "A ticket about the weather is easily told apart."
    )
    grounding = Grounding(lambda _term: 1, 1000)

    def written(question: str, text: str) -> str:
        return shown(SupportGate(Citer(question, passages, grounding), [""], "en", 2, trained=True), text)

    assert written("What is refusal recall?", "a ticket about the weather [1]") == ""
    right = "the share of the unanswerable questions [1]"
    assert written("What is refusal recall?", right) == right
    # Where no sentence is plainly meant, the generator is believed.
    vague = "What is found at once, however it may be worded, told or shown to a reader?"
    assert written(vague, "a ticket about the weather [1]") == "a ticket about the weather [1]"


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("A rank of 16 is the default [1].", "A rank of 16 is the default [2]."),
        ("A rank of 16 is the default. [1][1]", "A rank of 16 is the default. [2]"),
        ("[1] A rank of 16 is the default.", "[2] A rank of 16 is the default."),
        ("A rank of 16 [1] is the default [3].", "A rank of 16 [2] is the default."),
    ],
)
def test_what_another_source_than_the_named_one_bears_out_gets_its_marker(written: str, right: str) -> None:
    assert shown(support_gate(2, "en", LORA, RANK, "Paris lies on the Seine."), written) == right


def test_a_few_words_that_are_to_explain_are_shown_as_the_sentence_that_they_come_from() -> None:
    passages = passages_of(
        "Every night a snapshot is written. "
        "Rolling back sets the pointer\nto an earlier snapshot [3]; nothing is built again."
    )
    grounding = Grounding(lambda _term: 1, 1000)

    def written(question: str, text: str) -> str:
        return shown(SupportGate(Citer(question, passages, grounding), [""], "en", 2, trained=True), text)

    brief, whole = "an earlier snapshot [1]", "It sets the pointer to an earlier snapshot [1]"
    assert written("How does rolling back work?", brief) == (
        "Rolling back sets the pointer to an earlier snapshot (3); nothing is built again. [1]"
    )
    assert written("How does rolling back work?", "every night [1]") == "", "its sentence is another one"
    assert written("How does rolling back work?", whole) == whole
    assert written("What does rolling back set the pointer to?", brief) == brief


def test_words_of_the_question_alone_are_shown_as_the_sentence_that_they_come_from() -> None:
    passages = passages_of("Plymouth Dock was renamed Devonport in 1824. A station stands at Plymouth.")
    citer = Citer("What was Plymouth Dock renamed to in 1824?", passages, Grounding(lambda _term: 1, 1000))

    def written(text: str) -> str:
        return shown(SupportGate(citer, [""], "en", 2, trained=True), text)

    assert written("Plymouth Dock [1]") == "Plymouth Dock was renamed Devonport in 1824. [1]"
    assert written("Devonport [1]") == "Devonport [1]"


def uncut_markers(text: str) -> list[str]:
    """``text`` letter by letter, with whole markers: a ``MarkerFilter`` never lets half of one through."""
    return re.findall(r"\[\d+\]|[\s\S]", text)


def test_an_open_gate_shows_every_piece_at_once() -> None:
    gate = OpenGate("en", 2)
    assert [gate.feed(piece) for piece in ("LoRA", " is", " small.")] == ["LoRA", " is", " small."]
    assert not gate.full


def test_an_open_gate_is_full_when_a_sentence_too_many_begins() -> None:
    gate = OpenGate("en", 2)
    assert gate.feed("One [1]. Two. [2]") == "One [1]. Two. [2]"
    assert not gate.full
    assert gate.feed(" Three") == " "
    assert gate.full


def test_an_open_gate_shows_nothing_behind_a_refusal() -> None:
    gate = OpenGate("en", 3)
    assert shown(gate, f"{REFUSAL} However, [1] says", " a lot.").rstrip() == REFUSAL
    assert gate.full


def test_an_open_gate_keeps_chinese_sentences_and_their_markers() -> None:
    assert shown(OpenGate("zh", 1), "甲是乙。", "[1]", "丙是丁。") == "甲是乙。[1]"


@given(
    st.lists(st.sampled_from(["One", " Two", ". ", ".", "[1]", "\n", "。", "甲", " "]), max_size=14),
    st.integers(1, 3),
)
def test_an_open_gate_shows_the_same_however_the_text_is_cut(pieces: list[str], allowed: int) -> None:
    text = "".join(pieces)
    whole, cut = shown(OpenGate("en", allowed), text), shown(OpenGate("en", allowed), *uncut_markers(text))
    assert whole.rstrip() == cut.rstrip()


def test_a_supported_sentence_is_shown_when_the_next_begins() -> None:
    gate = support_gate()
    assert gate.feed("LoRA freezes the base model. [1]") == ""
    assert gate.feed(" It") == "LoRA freezes the base model. [1] "
    assert gate.feed(" trains two small matrices.") == ""
    assert gate.finish() == "It trains two small matrices."


@pytest.mark.parametrize(
    "sentence",
    [
        "The default rank is 32 [2].",
        "Paris lies on the Seine [1].",
        "LoRA.",
        "Guide A.",
        "",
    ],
)
def test_what_no_named_source_bears_out_is_withheld(sentence: str) -> None:
    assert shown(support_gate(), sentence) == ""


def test_who_begins_with_a_withheld_sentence_gets_no_second_try() -> None:
    gate = support_gate()
    assert shown(gate, "Paris lies on the Seine [1]. A rank of 16 is the default [2].") == ""
    assert gate.full


def test_a_sentence_behind_a_later_withheld_one_is_still_shown() -> None:
    text = "LoRA freezes the base model [1]. Paris lies on the Seine [1]. A rank of 16 is the default [2]."
    assert (
        shown(support_gate(3), *text) == "LoRA freezes the base model [1]. A rank of 16 is the default [2]."
    )


def test_what_the_model_of_inference_rejects_is_withheld() -> None:
    passages = passages_of(LORA, RANK)
    citer = Citer("", passages, Grounding(lambda _term: 1, 1000))
    text = (
        "LoRA freezes the base model [1]. A rank of 16 is the default [2]. It trains two small matrices [1]."
    )

    def written(entailment: ScriptedEntailment) -> str:
        return shown(SupportGate(citer, ["", ""], "en", 3, entailment=entailment), *uncut_markers(text))

    assert written(ScriptedEntailment()) == text
    doubting = ScriptedEntailment("rank")
    assert written(doubting) == text.replace("A rank of 16 is the default [2]. ", "")
    assert doubting.asked[1] == (RANK, "A rank of 16 is the default.")
    refused = SupportGate(citer, ["", ""], "en", 3, entailment=ScriptedEntailment(""))
    assert shown(refused, REFUSAL) == REFUSAL


def test_only_a_whole_sentence_asks_the_model_of_inference() -> None:
    citer = Citer("", passages_of(LORA), Grounding(lambda _term: 1, 1000))
    entailment = ScriptedEntailment()
    gate = SupportGate(citer, [""], "en", 3, entailment=entailment)
    for piece in uncut_markers("LoRA freezes the base model [1]. It trains two small matrices [1]."):
        before = len(entailment.asked)
        asks = gate.asks_model(piece)
        gate.feed(piece)
        assert asks == (len(entailment.asked) > before)
    assert len(entailment.asked) == 1
    assert not support_gate().asks_model("One. Two. Three.")
    assert not OpenGate("en", 2).asks_model("One. Two. Three.")


def test_a_sentence_is_shown_once() -> None:
    text = "A rank of 16 is the default [2]. A rank of 16 is the default. [2]"
    assert shown(support_gate(3), *text).rstrip() == "A rank of 16 is the default [2]."


def test_withheld_sentences_count_towards_the_most() -> None:
    gate = support_gate(1)
    assert shown(gate, "Paris lies on the Seine. A rank of 16 is the default [2].") == ""
    assert gate.full


@pytest.mark.parametrize(("language", "refusal"), [(key, value.refusal) for key, value in TEMPLATES.items()])
def test_a_refusal_passes_without_a_source_and_ends_the_answer(language: str, refusal: str) -> None:
    gate = support_gate(3, language)
    assert shown(gate, f"{refusal} A rank of 16 is the default [2].").rstrip() == refusal
    assert gate.full


def test_a_refusal_behind_an_answer_is_withheld() -> None:
    text = f"A rank of 16 is the default [2]. {REFUSAL}"
    assert shown(support_gate(3), *text).rstrip() == "A rank of 16 is the default [2]."


def test_chinese_sentences_are_judged_at_their_full_stop() -> None:
    gate = support_gate(2, "zh", "每一条引用都指向原文中的确切位置。读者可以自己核对。")
    text = "引用指向原文中的确切位置。[1]巴黎位于塞纳河畔。[1]"
    assert shown(gate, *uncut_markers(text)) == "引用指向原文中的确切位置。[1]"
