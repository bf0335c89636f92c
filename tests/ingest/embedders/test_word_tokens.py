"""Counting word by word: the same numbers as the tokenizer's own, and only where that holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from ingest.embed import PRESETS
from ingest.embedders import word_tokens
from ingest.embedders.model_files import local_model_directory
from ingest.embedders.word_tokens import WordCounter, cuts_at_words

CHARACTERS = list("aZ9é中か가ẞΣ .,!-_=/()\t\n\u00a0\u3000\u0301\u0338，。“”…—ㄅ〇🐎𠮷ﬁ\u200b\x00\x1c\x85")
TEXT = st.one_of(st.text(st.sampled_from(CHARACTERS), max_size=40), st.text(max_size=40))
PROSE = "Fine-tuning isn't hard, e.g. naïve Übung: 检索增强生成（RAG）先检索。🐎\n\n\tx = [a_1 != 2]"


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    directory = local_model_directory(PRESETS["minilm"].model)
    tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@pytest.fixture(scope="module")
def counter(tokenizer: Tokenizer) -> WordCounter:
    return WordCounter(tokenizer)


@given(text=TEXT)
def test_the_numbers_are_those_of_the_tokenizer(
    tokenizer: Tokenizer, counter: WordCounter, text: str
) -> None:
    assert counter.counts([text]) == [len(tokenizer.encode(text, add_special_tokens=False))]


def test_prose_of_several_scripts_is_counted_exactly(tokenizer: Tokenizer, counter: WordCounter) -> None:
    texts = [PROSE, PROSE * 50, "", "x" * 500, "[SE P]"]
    assert counter.counts(texts) == [len(e) for e in tokenizer.encode_batch(texts, add_special_tokens=False)]


def test_a_special_token_in_the_text_is_never_counted_short(
    tokenizer: Tokenizer, counter: WordCounter
) -> None:
    text = "before[SEP]after [MASK]"
    assert counter.counts([text])[0] >= len(tokenizer.encode(text, add_special_tokens=False))


def test_the_table_of_words_does_not_grow_without_end(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_tokens, "_WORDS_KEPT", 10)
    counter = WordCounter(tokenizer)
    words = [f"word{index}" for index in range(100)]
    assert counter.counts([" ".join(words)]) == [sum(counter.counts(words))]
    assert len(counter._words) <= 10  # pyright: ignore[reportPrivateUsage]


def test_only_a_tokenizer_that_cuts_at_words_is_counted_by_words(tokenizer: Tokenizer) -> None:
    assert cuts_at_words(tokenizer)
    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer = pre_tokenizers.Metaspace()  # pyright: ignore[reportAttributeAccessIssue]
    assert not cuts_at_words(pieces)
    no_ideographs = Tokenizer(models.WordPiece())
    no_ideographs.normalizer = normalizers.BertNormalizer(handle_chinese_chars=False)  # pyright: ignore[reportAttributeAccessIssue]
    no_ideographs.pre_tokenizer = pre_tokenizers.BertPreTokenizer()  # pyright: ignore[reportAttributeAccessIssue]
    assert not cuts_at_words(no_ideographs)
