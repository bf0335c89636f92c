"""The same weights through sentence-transformers as it comes: float32, batches of 32."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from sentence_transformers import SentenceTransformer

from ingest.embed import Matrix
from ingest.embedders.model_files import local_model_directory

_BATCH = 32


def embed_as_peer(model: str, texts: Sequence[str], warm_up: int) -> tuple[Matrix, float]:
    """Unit vectors, float32, one row a text, and chunks per second after ``warm_up`` texts."""
    peer = cast("Any", SentenceTransformer(str(local_model_directory(model)), device="cpu"))
    peer.encode(list(texts[:warm_up]), batch_size=_BATCH)
    started = time.perf_counter()
    vectors: Matrix = np.asarray(peer.encode(list(texts), batch_size=_BATCH), dtype=np.float32)
    speed = len(texts) / (time.perf_counter() - started)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), speed
