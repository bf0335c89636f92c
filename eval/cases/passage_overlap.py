"""Find passages that stand in a body of texts again, whole or nearly so.

A passage counts as known when at least 70 % of its 8-grams stand in the texts: the rule by which PaLM's
authors told contaminated evaluation data (Chowdhery et al. 2022, arXiv:2204.02311, section 8). Tokens are
words without regard to case and punctuation, and CJK characters one by one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ingest.words.language import HAN, HANGUL, KANA
from ingest.words.terms import fold

KNOWN_SHARE = 0.7
GRAM = 8

_TOKEN = re.compile(rf"[{HAN}{KANA}{HANGUL}]|[^\W_{HAN}{KANA}{HANGUL}]+")
# An odd multiplier with its bits well mixed: that of Knuth's MMIX generator.
_POWERS = np.array([pow(6364136223846793005, power, 1 << 64) for power in range(GRAM)], dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class Overlap:
    """The text that shares most with a passage, by its number, and the share of known 8-grams, 0 to 1."""

    number: int
    share: float


class PassageIndex:
    """The 8-grams of texts, as sorted 64-bit hashes, each with the number of a text that holds it."""

    def __init__(self, texts: Iterable[tuple[int, str]]) -> None:
        """``texts`` are numbered from 0; several may have the same number."""
        self._vocabulary: defaultdict[str, int] = defaultdict(count(1).__next__)
        hashes: list[NDArray[np.uint64]] = [np.empty(0, dtype=np.uint64)]
        numbers: list[NDArray[np.int32]] = [np.empty(0, dtype=np.int32)]
        distinct = {text: number for number, text in reversed([*texts])}
        for text, number in distinct.items():
            grams = self._grams(text)
            hashes.append(grams)
            numbers.append(np.full(len(grams), number, dtype=np.int32))
        self._hashes, first = np.unique(np.concatenate(hashes), return_index=True)
        self._numbers = np.concatenate(numbers)[first]

    def overlap(self, passage: str) -> Overlap | None:
        """Where most of ``passage`` is known from; None where less than ``KNOWN_SHARE`` of it is."""
        grams = self._grams(passage)
        if not len(grams) or not len(self._hashes):
            return None
        places = np.searchsorted(self._hashes, grams).clip(max=len(self._hashes) - 1)
        known = self._hashes[places] == grams
        share = float(known.mean())
        if share < KNOWN_SHARE:
            return None
        return Overlap(int(np.bincount(self._numbers[places[known]]).argmax()), share)

    def _grams(self, text: str) -> NDArray[np.uint64]:
        """uint64[n]: a polynomial hash of every 8 tokens in a row, modulo 2^64."""
        tokens = [*map(self._vocabulary.__getitem__, _TOKEN.findall(fold(text)))]
        if len(tokens) < GRAM:
            return np.empty(0, dtype=np.uint64)
        return sliding_window_view(np.asarray(tokens, dtype=np.uint64), GRAM) @ _POWERS
