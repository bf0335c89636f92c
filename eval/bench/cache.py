"""``troika bench cache``: how often the answer cache is right, and how fast.

Questions are put one after the other, as to a server: each is looked up among all that came before it, and
then kept. One that is served an answer to a question with *another* labelled need was served wrongly; one
that was put in the very same words before is left out, since nothing could tell the two needs apart. Passages
come from the product's own search over the set's own collection, vectors from its embedder. The threshold is
fitted on one half of the questions, and what is reported comes of the other half.

A set without paraphrases (each question of a manual's FAQ, say) can only show wrong serves; the share that is
served rightly shows on sets that have several wordings of one need.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.bench.cache_figures import WRONG_SHARE_GOAL, CacheFigures, Serves, SetFigures
from eval.bench.cache_lookup import measure_lookups
from eval.bench.cache_sets import LabelledQuestion, QuestionSet, read_question_set
from eval.bench.machine import this_machine
from eval.progress import progress_bar
from ingest.embed import Embedder, Matrix, Vector, load_embedder, spec_from_settings
from ingest.errors import NoTermsError
from ingest.pipeline import ingest_documents
from ingest.settings import Settings
from ingest.snapshots.collection import Collection
from ingest.snapshots.snapshot import Snapshot, open_snapshot
from ingest.words.questions import WordRule, normalized
from service.cache.answer_cache import share_in_common
from service.cache.caching import SAME_EVIDENCE
from service.cache.same_question import SameQuestion
from service.retrieval.retrieve import Retriever

THRESHOLDS = (0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question with what the cache keeps of it."""

    question: LabelledQuestion
    passages: tuple[str, ...]
    vector: Vector


@dataclass(frozen=True, slots=True)
class _Match:
    """How near the best earlier question is that a cache would serve, and whether its need is another."""

    similarity: float
    is_wrong: bool


def run_cache_bench(paths: Sequence[Path], entries: int, questions: int, settings: Settings) -> CacheFigures:
    """Measure the cache on the sets in ``paths``, with at most ``questions`` of each.

    Raises:
        CasesError: a set is not there or not in the documented form.
    """
    sets = [read_question_set(path, questions) for path in paths]
    embedder = load_embedder(
        spec_from_settings(settings.embedder), settings.embedder, settings.home / "models"
    )
    return CacheFigures(
        machine=this_machine(),
        similarity=settings.cache.similarity,
        lookup=measure_lookups(entries, embedder, settings.cache.similarity),
        sets=tuple(_measure(found, embedder, settings) for found in sets),
    )


def _measure(found: QuestionSet, embedder: Embedder, settings: Settings) -> SetFigures:
    snapshot = _snapshot(found, settings)
    try:
        rule = WordRule(snapshot.words.document_frequency, snapshot.manifest.indexed)
        same = SameQuestion(embedder.embed_query, rule, min(THRESHOLDS))
        retriever = Retriever(snapshot, embedder, settings.retrieval)
        halves = [list(_ask(found.half(half), retriever, embedder, found.name)) for half in (0, 1)]
    finally:
        snapshot.close()
    thresholds = sorted({*THRESHOLDS, settings.cache.similarity})
    fitting, (asked, repeated) = (_distinct(half) for half in halves)
    return SetFigures(
        found.name,
        len(found.documents),
        repeated,
        fitted_threshold(_curve(fitting[0], same, thresholds)),
        tuple(_curve(asked, same, thresholds)),
    )


def fitted_threshold(curve: Sequence[Serves]) -> float:
    """The lowest threshold from which on no more than ``WRONG_SHARE_GOAL`` is wrong; else the highest."""
    fitted = curve[-1].similarity
    for serves in reversed(curve):
        if serves.wrong_share > WRONG_SHARE_GOAL:
            break
        fitted = serves.similarity
    return fitted


def _snapshot(found: QuestionSet, settings: Settings) -> Snapshot:
    """The set's collection, built when it is not there yet."""
    told = hashlib.sha256("\n".join(document.id for document in found.documents).encode()).hexdigest()
    collection = f"bench-cache-{told[:12]}"
    if Collection(settings.home, collection).current_id() is None:
        ingest_documents(found.documents, collection, settings)
    return open_snapshot(settings.home, collection, settings.store)


def _ask(
    questions: Sequence[LabelledQuestion], retriever: Retriever, embedder: Embedder, name: str
) -> Iterator[_Asked]:
    """Each question with its best passages and its vector; one without a word cannot be asked."""
    with progress_bar(f"asking {name}", len(questions)) as advance:
        for question in questions:
            advance()
            try:
                hits = retriever.retrieve(question.text, 3)
            except NoTermsError:
                continue
            passages = tuple(hit.chunk.id for hit in hits)
            yield _Asked(question, passages, embedder.embed_query(question.text))


def _distinct(asked: Sequence[_Asked]) -> tuple[list[_Asked], int]:
    """The questions without those that were put in the same words before, and how many these are."""
    first = {normalized(one.question.text): one for one in reversed(asked)}
    distinct = [one for one in asked if first[normalized(one.question.text)] is one]
    return distinct, len(asked) - len(distinct)


def _curve(asked: Sequence[_Asked], same: SameQuestion, thresholds: Sequence[float]) -> list[Serves]:
    matches = [match for match in _cached(asked, same) if match]
    by_vector = [match for match in _by_vector(asked) if match]
    return [
        Serves(
            similarity,
            len(asked),
            *_count(matches, similarity),
            *_count(by_vector, similarity),
        )
        for similarity in thresholds
    ]


def _count(matches: Sequence[_Match], similarity: float) -> tuple[int, int]:
    served = [match for match in matches if match.similarity >= similarity]
    return len(served), sum(match.is_wrong for match in served)


def _cached(asked: Sequence[_Asked], same: SameQuestion) -> Iterator[_Match | None]:
    """What the cache would serve each question: by the passages, the words and the vector."""
    kept: dict[str, list[_Asked]] = {}
    for one in asked:
        candidates = kept.setdefault(one.passages[0] if one.passages else "", [])
        best = same.best(
            one.question.text,
            one.vector,
            (
                (other, other.question.text, other.vector)
                for other in candidates
                if share_in_common(other.passages, one.passages) >= SAME_EVIDENCE
            ),
        )
        yield _match(one, best) if best else None
        candidates.append(one)


def _by_vector(asked: Sequence[_Asked]) -> Iterator[_Match | None]:
    """What a cache by cosine alone would serve each question."""
    vectors: Matrix = np.stack([one.vector for one in asked])
    for number, one in enumerate(asked):
        best = asked[int(np.argmax(vectors[:number] @ one.vector))] if number else None
        yield _match(one, best) if best else None


def _match(asked: _Asked, served: _Asked) -> _Match:
    return _Match(float(asked.vector @ served.vector), asked.question.need != served.question.need)
