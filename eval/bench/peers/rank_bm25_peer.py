"""rank-bm25: BM25Okapi over lower-case words."""

from __future__ import annotations

import re
from importlib import import_module

import numpy as np

from eval.bench.peers.peer import K, Searches, Vector
from eval.bench.retrieval_corpus import Matrix

_LIBRARY = import_module("rank_bm25")
_WORD = re.compile(r"\w+")


def open_peer(texts: list[str], _vectors: Matrix) -> Searches:
    """Its search; vectors are not needed."""
    index = _LIBRARY.BM25Okapi([_words(text) for text in texts])

    def search(question: str, _vector: Vector) -> list[int]:
        scores = index.get_scores(_words(question))
        best = np.argpartition(-scores, K)[:K]
        return best[np.argsort(-scores[best])].tolist()

    return {"rank-bm25": search}


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
