"""bm25s with its own tokenizer, as it comes."""

from __future__ import annotations

from importlib import import_module

from eval.bench.peers.peer import K, Searches, Vector
from eval.bench.retrieval_corpus import Matrix

_LIBRARY = import_module("bm25s")


def open_peer(texts: list[str], _vectors: Matrix) -> Searches:
    """Its search; vectors are not needed."""
    index = _LIBRARY.BM25()
    index.index(_LIBRARY.tokenize(texts, show_progress=False), show_progress=False)

    def search(question: str, _vector: Vector) -> list[int]:
        words = _LIBRARY.tokenize([question], show_progress=False, return_ids=False)
        return index.retrieve(words, k=K, show_progress=False, n_threads=1)[0][0].tolist()

    return {"bm25s": search}
