"""LlamaIndex: a vector index on FAISS (exact) and its BM25 retriever, joined by its fusion retriever."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from eval.bench.peers.peer import K, Searches, Vector
from eval.bench.retrieval_corpus import Matrix

_CORE = import_module("llama_index.core")
_RETRIEVERS = import_module("llama_index.core.retrievers")
_SCHEMA = import_module("llama_index.core.schema")


def open_peer(texts: list[str], vectors: Matrix) -> Searches:
    """Its hybrid search; the vector of a question travels in the query bundle."""
    nodes: list[Any] = [
        _SCHEMA.TextNode(id_=str(row), text=text, embedding=vector.tolist())
        for row, (text, vector) in enumerate(zip(texts, vectors, strict=True))
    ]
    words = import_module("llama_index.retrievers.bm25").BM25Retriever
    fusion = _RETRIEVERS.QueryFusionRetriever(
        [_dense(nodes, vectors.shape[1]), words.from_defaults(nodes=nodes, similarity_top_k=K)],
        llm=import_module("llama_index.core.llms").MockLLM(),
        mode="reciprocal_rerank",
        similarity_top_k=K,
        num_queries=1,
        use_async=False,
    )

    def search(question: str, vector: Vector) -> list[int]:
        found = fusion.retrieve(_SCHEMA.QueryBundle(question, embedding=vector.tolist()))
        return [int(node.node_id) for node in found]

    return {"LlamaIndex hybrid": search}


def _dense(nodes: list[Any], dimension: int) -> Any:
    """Nodes bring their vectors and questions theirs, so the embedding model is never asked."""
    flat = import_module("faiss").IndexFlatIP(dimension)
    store = import_module("llama_index.vector_stores.faiss").FaissVectorStore(faiss_index=flat)
    storage = _CORE.StorageContext.from_defaults(vector_store=store)
    index = _CORE.VectorStoreIndex(
        nodes, storage_context=storage, embed_model=_CORE.MockEmbedding(embed_dim=dimension)
    )
    return index.as_retriever(similarity_top_k=K)
