"""LangChain: its FAISS store (exact) and its BM25 retriever, joined by its ensemble retriever."""

from __future__ import annotations

from importlib import import_module

from eval.bench.peers.peer import K, Searches, Vector
from eval.bench.retrieval_corpus import Matrix

_ENSEMBLE = import_module("langchain_classic.retrievers")
_RETRIEVERS = import_module("langchain_community.retrievers")
_STORES = import_module("langchain_community.vectorstores")


def open_peer(texts: list[str], vectors: Matrix) -> Searches:
    """Its hybrid search, both parts weighing alike; a question's vector comes as the embedding function."""
    rows = [{"row": row} for row in range(len(texts))]
    asked: dict[str, list[float]] = {}
    pairs = ((text, vector.tolist()) for text, vector in zip(texts, vectors, strict=True))
    store = _STORES.FAISS.from_embeddings(pairs, asked.__getitem__, metadatas=rows)
    words = _RETRIEVERS.BM25Retriever.from_texts(texts, metadatas=rows, k=K)
    dense = store.as_retriever(search_kwargs={"k": K})
    ensemble = _ENSEMBLE.EnsembleRetriever(retrievers=[dense, words], weights=[0.5, 0.5])

    def search(question: str, vector: Vector) -> list[int]:
        asked[question] = vector.tolist()
        return [int(document.metadata["row"]) for document in ensemble.invoke(question)[:K]]

    return {"LangChain hybrid": search}
