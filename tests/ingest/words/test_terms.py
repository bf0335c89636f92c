"""Terms for BM25."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import NoTermsError
from ingest.words.han_folding import fold_han
from ingest.words.terms import content_terms, fold, query_terms, terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Indexes indexing indexed", ["index"] * 3),
        ("Café NAÏVE résumés", ["cafe", "naiv", "resum"]),
        ("ＬｏＲＡ①", ["lora1", "lora", "1"]),
        ("XJ-2041b", ["xj-2041b", "xj", "2041", "b"]),
        ("maxTokens", ["maxtokens", "max", "token"]),
        ("LexicalReader", ["lexicalreader", "lexic", "reader"]),
        ("TiDB", ["tidb"]),
        ("torch.nn.Linear", ["torch.nn.linear", "torch", "nn", "linear"]),
        ("The company’s", ["the", "compani"]),
        ("max_tokens", ["max_tokens", "max", "token"]),
        ("C++ and C#", ["c++", "c", "and", "c#", "c"]),
        ("2041", ["2041"]),
        ("v1.2.3", ["v1.2.3", "v", "1", "2", "3"]),
        ("检索增强", ["检", "索", "增", "强", "检索", "索增", "增强"]),
        ("LoRA的秩", ["lora", "的", "秩", "的秩"]),
        ("人々", ["人", "々", "人々"]),
        ("𠮷野家", ["𠮷", "野", "家", "𠮷野", "野家"]),
        ("ガラス", ["ガ", "ラ", "ス", "ガラ", "ラス"]),
        ("한국", ["한", "국", "한국"]),
        ("!? … 🐎", []),
        ("", []),
    ],
)
def test_text_becomes_these_terms(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


def test_marks_that_tell_japanese_letters_apart_stay() -> None:
    assert fold("が") == "が" != fold("か")
    assert fold("ﾊﾞｽ") == "バス"


@given(st.text())
def test_terms_are_the_same_every_time_and_hold_no_white_space(text: str) -> None:
    found = terms(text)
    assert found == terms(text)
    assert all(term and not any(character.isspace() for character in term) for term in found)


@given(st.text(st.characters(codec="ascii")))
def test_case_does_not_matter(text: str) -> None:
    assert terms(text.upper()) == terms(text.lower())


@given(st.from_regex(r"[a-z]{2,6}[-_./][0-9]{2,5}", fullmatch=True))
def test_a_code_is_found_whole_and_by_its_parts(code: str) -> None:
    number = code.lstrip("abcdefghijklmnopqrstuvwxyz-_./")
    assert {code, number} <= set(terms(f"the part {code} is new"))


@pytest.mark.parametrize(("traditional", "simplified"), [("體驗後臺", "体验后台"), ("為什麼", "为什么")])
def test_traditional_and_simplified_chinese_are_one(traditional: str, simplified: str) -> None:
    assert terms(traditional) == terms(simplified)


@given(
    st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=1, max_size=20).map(fold_han)
)
def test_chinese_gives_every_character_and_every_pair(text: str) -> None:
    assert sorted(terms(text)) == sorted([*text, *(text[i : i + 2] for i in range(len(text) - 1))])


def test_content_terms_leave_out_what_any_text_holds() -> None:
    assert content_terms("What is the rank of an adapter?") == ["rank", "adapt"]
    assert content_terms("什么是秩") == ["秩"]
    assert content_terms("the of 的") == []


@pytest.mark.parametrize("word", ["上海", "中国", "会议", "应用", "目的"])
def test_a_word_of_characters_that_also_stand_for_grammar_has_content(word: str) -> None:
    assert word in content_terms(f"{word}的")


def test_words_are_stemmed_by_their_language() -> None:
    assert terms("Häusern", "de") == terms("Hauser", "de") == ["haus"]
    assert terms("Häusern", "zh") == terms("Häusern", "en") == ["hausern"]


def test_a_question_is_stemmed_as_every_language_of_the_index_would() -> None:
    assert query_terms("Wo stehen die Häusern?", ("en", "de")) == [
        *terms("Wo stehen die Häusern?", "en"),
        "steh",
        "haus",
    ]


def test_a_question_of_nothing_but_common_words_is_searched_all_the_same() -> None:
    assert query_terms("to be or not to be", ("en",)) == ["to", "be", "or", "not"]
    assert query_terms("什么是秩", ("en",)) == ["秩", "么是", "是秩"]


@given(st.text())
def test_a_question_is_refused_just_when_it_has_no_terms(text: str) -> None:
    if terms(text):
        assert query_terms(text, ("en",))
    else:
        with pytest.raises(NoTermsError):
            query_terms(text, ("en",))
