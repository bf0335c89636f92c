"""How fast chunks get their vectors, beside sentence-transformers with the same weights in the same run."""

from __future__ import annotations

import time
from collections.abc import Iterator

from eval.bench.goal_figures import Figure
from eval.bench.ingest_corpus import Prose
from eval.bench.ingest_parts import Part
from ingest.embed import Embedder, load_embedder, spec_from_settings
from ingest.settings import Settings
from ingest.snapshots.collection import Collection

CHUNKS_PER_SECOND = 80.0
TIMES_AS_FAST = 3.0
MEAN_COSINE = 0.99
_TOKENS = 256
_WARM_UP = 32


def measure_embedding(settings: Settings, prose: Prose, chunks: int) -> Iterator[Figure]:
    """Chunks per second at 256 tokens, with specials, of a warm embedder; and how true the vectors are."""
    spec = spec_from_settings(settings.embedder)
    embedder = load_embedder(spec, settings.embedder, Collection(settings.home, "embedding").models)
    texts = [_text_of(prose, embedder, min(_TOKENS, spec.window)) for _ in range(chunks)]
    embedder.embed_passages(texts[:_WARM_UP])
    started = time.perf_counter()
    ours = embedder.embed_passages(texts)
    speed = chunks / (time.perf_counter() - started)
    from eval.bench.ingest_embedding_peer import embed_as_peer

    theirs, their_speed = embed_as_peer(spec.model, texts, _WARM_UP)
    cosine = float((ours * theirs).sum(axis=1).mean())
    what = f"{chunks:,} chunks of {_TOKENS} tokens embedded"
    yield Figure(Part.EMBEDDING, what, "troika", "chunks/s", speed, goal=CHUNKS_PER_SECOND)
    yield Figure(Part.EMBEDDING, what, "sentence-transformers, defaults", "chunks/s", their_speed)
    yield Figure(
        Part.EMBEDDING, "how many times as fast", "troika", "times", speed / their_speed, TIMES_AS_FAST
    )
    yield Figure(
        Part.EMBEDDING, "mean cosine of its vectors to float32 ones", "troika", "", cosine, MEAN_COSINE
    )


def _text_of(prose: Prose, embedder: Embedder, tokens: int) -> str:
    """A text that has exactly so many tokens with the specials, or a few less."""
    text = prose.paragraph(tokens)
    offsets = embedder.tokens.offsets(text)[: tokens - embedder.special_tokens]
    return text[: offsets[-1][1]]
