"""Personal data goes, with one placeholder for each value."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from finetune.data.redact import Redactor, redact_row
from finetune.data.rows import ExampleKind, JudgedAnswer, PreferencePair, RankedAnswers, TrainingExample
from service.generate import Message
from service.privacy.find import find_data
from service.privacy.rules import DataKind
from service.prompt import PROMPT_ID

TEXTS = (
    "手机+86 138 1234 5678。",
    "Write to jane.doe+work@mail.acme.co.uk.",
    "card 4111 1111 1111 1111 expired",
    "Call toll-free 1-800-422-6237 or 400-810-8888.",
)


def test_the_same_value_has_the_same_placeholder_however_it_is_written() -> None:
    redactor = Redactor("zh")
    assert redactor.text("13812345678 or +86 138 1234 5678, a@b.cn") == "[PHONE_1] or [PHONE_1], [EMAIL_1]"
    assert redactor.text("A@b.cn, c@b.cn") == "[EMAIL_1], [EMAIL_2]"
    assert redactor.replaced == {DataKind.PHONE: 1, DataKind.EMAIL: 2}


@given(st.lists(st.sampled_from([*TEXTS, "[EMAIL_1]", "\n", "好"])))
def test_a_redacted_text_stays_as_it_is(parts: list[str]) -> None:
    once = Redactor("en").text(" ".join(parts))
    assert Redactor("en").text(once) == once
    assert find_data(once) == []


MESSAGES = (Message("system", "Answer."), Message("user", "[1] Staff\nAnn: ann@acme.io\n\nQuestion: Mail?"))
CLEAN = (Message("system", "Answer."), Message("user", "[1] Staff\nAnn: [EMAIL_1]\n\nQuestion: Mail?"))
STAMP = ("en", PROMPT_ID, "d" * 64)


def test_a_row_is_redacted_in_all_that_a_model_reads_and_writes() -> None:
    example = TrainingExample(
        "a", MESSAGES, ("Ann: ann@acme.io",), "ann@acme.io [1]", ExampleKind.GOLD, "en", PROMPT_ID, None,
        "d" * 64, ("ann@acme.io",), ("file:///staff.md",),
    )  # fmt: skip
    clean, replaced = redact_row(example)
    assert (clean.messages, clean.sources, clean.target) == (CLEAN, ("Ann: [EMAIL_1]",), "[EMAIL_1] [1]")
    assert (clean.answers, clean.documents, clean.id) == (("[EMAIL_1]",), example.documents, "a")
    assert replaced == {DataKind.EMAIL: 1}

    pair, _ = redact_row(PreferencePair("a", MESSAGES, "ann@acme.io [1]", "bob@acme.io [1]", "r", *STAMP))
    assert (pair.messages, pair.chosen, pair.rejected) == (CLEAN, "[EMAIL_1] [1]", "[EMAIL_2] [1]")
    judged, _ = redact_row(JudgedAnswer("a", MESSAGES, "ann@acme.io", True, *STAMP))
    assert (judged.messages, judged.answer) == (CLEAN, "[EMAIL_1]")
    ranked, _ = redact_row(RankedAnswers("a", MESSAGES, ("ann@acme.io", "no"), (0, 1), *STAMP))
    assert (ranked.messages, ranked.answers) == (CLEAN, ("[EMAIL_1]", "no"))


def test_a_second_redaction_numbers_on() -> None:
    row = JudgedAnswer("a", CLEAN, "bob@acme.io", True, *STAMP)
    clean, replaced = redact_row(row)
    assert (clean.messages, clean.answer, replaced) == (CLEAN, "[EMAIL_2]", {DataKind.EMAIL: 1})


class Ann:
    """Knows one name, and takes placeholders for more."""

    def names(self, text: str, language: str) -> list[tuple[int, int]]:
        found = [(start, start + 3) for start in range(len(text)) if text.startswith("Ann", start)]
        return [
            *found,
            *((start, start + 9) for start in range(len(text)) if text.startswith("[EMAIL_1]", start)),
        ]


def test_names_are_replaced_where_a_model_finds_them() -> None:
    judged, replaced = redact_row(JudgedAnswer("a", CLEAN, "Ann, ann@acme.io", True, *STAMP), Ann())
    assert judged.answer == "[NAME_1], [EMAIL_2]"
    assert judged.messages[1].content == "[1] Staff\n[NAME_1]: [EMAIL_1]\n\nQuestion: Mail?"
    assert replaced == {DataKind.NAME: 1, DataKind.EMAIL: 1}
