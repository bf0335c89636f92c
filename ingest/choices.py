"""The settings that are a choice among a few names."""

from __future__ import annotations

from enum import StrEnum


class EmbedderBackend(StrEnum):
    """Which engine computes the vectors."""

    OPENVINO = "openvino"
    SENTENCE_TRANSFORMERS = "sentence-transformers"
    OPENAI = "openai"


class ChunkingStrategy(StrEnum):
    """How documents are cut; ``ingest.chunking.chunk`` says what is searched and what is read under each."""

    STRUCTURE = "structure"
    FIXED = "fixed"
    SENTENCE_WINDOW = "sentence-window"
    PARENT_CHILD = "parent-child"


class DenseKind(StrEnum):
    """How vectors are searched: exactly, by 4-bit codes, in the nearest of many lists, or along a graph."""

    FLAT = "flat"
    PQ = "pq"
    IVF = "ivf"
    HNSW = "hnsw"


class StoreKind(StrEnum):
    """Where the vectors and BM25 of a collection are: in files of its own, or in Milvus."""

    FAISS = "faiss"
    MILVUS = "milvus"


class FusionKind(StrEnum):
    """How two rankings become one: by their scores (convex combination), or by ranks alone (RRF)."""

    CONVEX = "convex"
    RRF = "rrf"


class LexicalEngine(StrEnum):
    """What ranks by words: the collection's own index, or the reference that it is compared with."""

    INDEX = "index"
    RANK_BM25 = "rank-bm25"


class GeneratorKind(StrEnum):
    """Which engine writes the answer."""

    LLAMA_CPP = "llama-cpp"
    VLLM = "vllm"
    OPENAI = "openai"
    EXTRACTIVE = "extractive"


class GroundingMode(StrEnum):
    """What happens to a sentence that no source bears out: it is marked, or it is withheld."""

    MARK = "mark"
    STRICT = "strict"


class AuthMode(StrEnum):
    """What the HTTP server asks for: nothing, a key of its own, a token of an OpenID provider, or either."""

    OFF = "off"
    KEYS = "keys"
    OIDC = "oidc"
    KEYS_OR_OIDC = "keys+oidc"

    @property
    def takes_keys(self) -> bool:
        return self in (AuthMode.KEYS, AuthMode.KEYS_OR_OIDC)

    @property
    def takes_tokens(self) -> bool:
        return self in (AuthMode.OIDC, AuthMode.KEYS_OR_OIDC)


class Engine(StrEnum):
    """Where parsing and embedding run."""

    LOCAL = "local"
    RAY = "ray"
