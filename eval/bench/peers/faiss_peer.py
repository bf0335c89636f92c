"""FAISS alone: exact search, and an HNSW graph (32 links, built at depth 200) searched at several depths."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from eval.bench.peers.peer import K, Search, Searches, Vector
from eval.bench.retrieval_corpus import Matrix

_LIBRARY = import_module("faiss")
_LINKS = 32
_BUILD_DEPTH = 200
_DEPTHS = (16, 32, 64, 128, 256)


def open_flat(_texts: list[str], vectors: Matrix) -> Searches:
    """Exact search by inner product; texts are not needed."""
    flat = _LIBRARY.IndexFlatIP(vectors.shape[1])
    flat.add(np.ascontiguousarray(vectors))
    return {"FAISS exact": _search(flat, None)}


def open_hnsw(_texts: list[str], vectors: Matrix) -> Searches:
    """Its searches, one for each depth; texts are not needed."""
    graph = _LIBRARY.IndexHNSWFlat(vectors.shape[1], _LINKS, _LIBRARY.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction = _BUILD_DEPTH
    graph.add(np.ascontiguousarray(vectors))
    return {
        f"FAISS HNSW, depth {depth}": _search(graph, _LIBRARY.SearchParametersHNSW(efSearch=depth))
        for depth in _DEPTHS
    }


def _search(index: Any, parameters: Any) -> Search:
    def search(_question: str, vector: Vector) -> list[int]:
        return index.search(vector[np.newaxis], K, params=parameters)[1][0].tolist()

    return search
