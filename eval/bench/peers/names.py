"""The peers of retrieval by name."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Peer(StrEnum):
    """What Troika is compared with."""

    RANK_BM25 = "rank-bm25"
    BM25S = "bm25s"
    FAISS_EXACT = "faiss-exact"
    FAISS_HNSW = "faiss-hnsw"
    LLAMA_INDEX = "llama-index"
    LANGCHAIN = "langchain"
    TXTAI = "txtai"


class Kind(StrEnum):
    """What a peer searches by, and so which part of Troika it is to be compared with."""

    LEXICAL = "lexical"
    DENSE = "dense"
    HYBRID = "hybrid"


KINDS: Mapping[Peer, Kind] = {
    Peer.RANK_BM25: Kind.LEXICAL,
    Peer.BM25S: Kind.LEXICAL,
    Peer.FAISS_EXACT: Kind.DENSE,
    Peer.FAISS_HNSW: Kind.DENSE,
    Peer.LLAMA_INDEX: Kind.HYBRID,
    Peer.LANGCHAIN: Kind.HYBRID,
    Peer.TXTAI: Kind.HYBRID,
}
