"""How many tokens a BERT tokenizer makes, word by word: a word that was met before is looked up.

Such a tokenizer cuts at white space, ideographs and punctuation first and never looks across those cuts, so
that the tokens of a text are those of its words, and an ideograph or a punctuation mark is always one.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from typing import Protocol, cast

from tokenizers import Tokenizer
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

# Only what every BERT tokenizer sets apart; the tokenizer itself cuts whatever else is left in one piece.
_ALONE = re.compile(
    "[!-/:-@[-`{-~\u3400-\u4dbf\u4e00-\u9fff\u3001-\u3003\u3008-\u3011“”‘’…—"
    "\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f]+"
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""Split off as white space by Python in part, but deleted by the tokenizer."""

# For ASCII the same by tables, which takes a third of the time.
_ASCII_SIGNS = string.punctuation.encode()
_SIGNS_TO_SPACES = bytes.maketrans(_ASCII_SIGNS, b" " * len(_ASCII_SIGNS))
_ASCII_CONTROL = bytes(code for code in range(128) if _CONTROL.match(chr(code)))

_WORDS_KEPT = 200_000
_LONGEST_WORD_KEPT = 64
"""Code points; longer words are rarely met twice."""


class WordCounter:
    """Counts tokens. A special token that stands written out in a text counts by its signs and letters."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._words = _Words(tokenizer)

    def counts(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text, without specials."""
        return [self._count(text) for text in texts]

    def _count(self, text: str) -> int:
        if text.isascii():
            ascii_text = text.encode()
            signs = len(ascii_text) - len(ascii_text.translate(None, _ASCII_SIGNS))
            words = ascii_text.translate(_SIGNS_TO_SPACES, _ASCII_CONTROL).decode()
        else:
            text = _CONTROL.sub("", text)
            words, runs = _ALONE.subn(" ", text)
            signs = len(text) - len(words) + runs
        return signs + sum(map(self._words.__getitem__, words.split()))


class _Model(Protocol):
    """What is used of the library's models, which have no types."""

    def tokenize(self, sequence: str) -> Sequence[object]: ...


class _Words(dict[str, int]):
    """The number of tokens of each word."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self._tokenizer = tokenizer
        self._model = cast("_Model", tokenizer.model)
        self._lowercases = bool(tokenizer.normalizer.lowercase)

    def __missing__(self, word: str) -> int:
        if word.isascii():
            # Nothing is left to normalize or to cut, and without these steps it takes a tenth of the time.
            count = len(self._model.tokenize(word.lower() if self._lowercases else word))
        else:
            count = len(self._tokenizer.encode(word, add_special_tokens=False))
        if len(word) <= _LONGEST_WORD_KEPT:
            if len(self) >= _WORDS_KEPT:
                self.clear()
            self[word] = count
        return count


def cuts_at_words(tokenizer: Tokenizer) -> bool:
    """Whether ``tokenizer`` is of the kind that ``WordCounter`` is for."""
    normalizer = tokenizer.normalizer
    return (
        isinstance(normalizer, BertNormalizer)
        and bool(normalizer.clean_text)
        and bool(normalizer.handle_chinese_chars)
        and isinstance(tokenizer.pre_tokenizer, BertPreTokenizer)
    )
