from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from ingest.choices import LexicalEngine
from ingest.embed import Embedder
from ingest.errors import NoTermsError
from ingest.pipeline import ingest_documents
from ingest.settings import RetrievalSettings, Settings
from ingest.snapshots.fitted import FittedRetrieval, index_fingerprint, write_fitted
from ingest.snapshots.snapshot import Snapshot, open_snapshot
from service.retrieval.conversation import Conversation
from service.retrieval.retrieve import Retriever, SearchMode, with_fitted
from tests.small_handbook import make_document

QUESTION = "Which rank is the default for an adapter?"


@pytest.fixture
def retriever(small_snapshot: Snapshot, embedder: Embedder) -> Retriever:
    return Retriever(small_snapshot, embedder, RetrievalSettings())


def test_the_passage_that_answers_comes_first(retriever: Retriever) -> None:
    best = retriever.retrieve(QUESTION, 3)[0]
    assert "A rank of 16 is the default" in best.chunk.text
    assert best.score == pytest.approx(1.0)


def test_hits_come_best_first_and_at_most_k_of_them(retriever: Retriever) -> None:
    hits = retriever.retrieve(QUESTION, 3)
    assert len(hits) == 3
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert len({hit.chunk.id for hit in retriever.retrieve(QUESTION, 1000)}) == len(
        retriever.retrieve(QUESTION, 1000)
    )


def test_each_mode_asks_its_own_index_alone(retriever: Retriever) -> None:
    dense = retriever.retrieve(QUESTION, 2, SearchMode.DENSE)
    lexical = retriever.retrieve(QUESTION, 2, SearchMode.LEXICAL)
    assert all(hit.lexical_score is None and hit.dense_score is not None for hit in dense)
    assert all(hit.dense_score is None and hit.lexical_score is not None for hit in lexical)


def test_a_question_in_a_language_the_embedder_cannot_read_goes_by_its_words(retriever: Retriever) -> None:
    hits = retriever.retrieve("引用的文字与原文相同吗？", 2)
    assert "逐字相同" in hits[0].chunk.text
    assert hits[0].score == pytest.approx(1.0)


def test_words_that_no_chunk_holds_still_find_the_nearest_vectors(retriever: Retriever) -> None:
    hits = retriever.retrieve("qwertyuiop", 3)
    assert len(hits) == 3
    assert all(hit.lexical_score is None for hit in hits)


def test_what_was_fitted_goes_before_defaults_and_after_what_a_user_set(small_snapshot: Snapshot) -> None:
    fitted = FittedRetrieval(0.9, 200, index_fingerprint(small_snapshot.manifest), "labels", 40, 0.8, 0.9)
    chosen = with_fitted(RetrievalSettings(dense_weight=0.5), fitted)
    assert (chosen.dense_weight, chosen.depth) == (0.5, 200)
    assert with_fitted(RetrievalSettings(), fitted).dense_weight == 0.9
    assert with_fitted(RetrievalSettings(), None) == RetrievalSettings()


def test_what_was_fitted_for_another_kind_of_index_is_left_alone(
    small_snapshot: Snapshot, embedder: Embedder
) -> None:
    collection = small_snapshot.directory.parents[1]
    fitted = FittedRetrieval(0.9, 200, index_fingerprint(small_snapshot.manifest), "labels", 40, 0.8, 0.9)
    try:
        write_fitted(collection, fitted)
        assert Retriever(small_snapshot, embedder, RetrievalSettings()).depth == 200
        write_fitted(collection, replace(fitted, index="another"))
        assert Retriever(small_snapshot, embedder, RetrievalSettings()).depth == 100
    finally:
        (collection / "fitted.json").unlink()


def test_words_may_be_ranked_by_the_reference(small_snapshot: Snapshot, embedder: Embedder) -> None:
    expected = Retriever(small_snapshot, embedder, RetrievalSettings()).retrieve(QUESTION, 3)
    settings = RetrievalSettings(lexical_engine=LexicalEngine.RANK_BM25)
    found = Retriever(small_snapshot, embedder, settings).retrieve(QUESTION, 3)
    assert [hit.chunk.id for hit in found] == [hit.chunk.id for hit in expected]
    assert found[0].lexical_score == pytest.approx(expected[0].lexical_score, rel=0.02)


@pytest.mark.parametrize("mode", list(SearchMode))
@pytest.mark.parametrize("query", ["?!", "…", "🐎", ""])
def test_a_question_without_a_word_is_refused(retriever: Retriever, query: str, mode: SearchMode) -> None:
    with pytest.raises(NoTermsError):
        retriever.retrieve(query, 3, mode)


def test_eight_threads_find_what_one_finds(retriever: Retriever) -> None:
    questions = [QUESTION, "What holds everything that must survive?", "How many cores serve the model?"] * 8
    expected = [retriever.retrieve(question, 3) for question in questions]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda question: retriever.retrieve(question, 3), questions))
    assert [[hit.chunk.id for hit in hits] for hits in found] == [
        [hit.chunk.id for hit in hits] for hits in expected
    ]


def test_a_follow_up_does_not_tell_what_a_restricted_document_holds(
    settings: Settings, embedder: Embedder
) -> None:
    secret = make_document("secret.md", "Costs", "The project Nightingale costs two million.")
    handbook = make_document("open.md", "Costs", "What a licence costs is in the price list.")
    ingest_documents([replace(secret, metadata={"acl": ("board",)}), handbook], "default", settings)
    snapshot = open_snapshot(settings.home, "default")
    retriever = Retriever(snapshot, embedder, settings.retrieval)
    conversation = Conversation(retriever.document_frequency, snapshot.manifest.indexed, None)
    for groups, expected in ((frozenset[str](), ""), (frozenset({"board"}), "Nightingale"), (None, "")):
        assert conversation.carried_words("What does it cost?", ["Nightingale"], groups) == expected
    snapshot.close()
