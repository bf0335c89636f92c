"""The retrieval benchmark searches real collections, tiny ones here, beside peers in their own processes."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from eval.bench.machine import Machine
from eval.bench.peers.names import Kind, Peer
from eval.bench.peers.peer import PeerRun
from eval.bench.query_times import QueryTimes
from eval.bench.resident import Resident
from eval.bench.retrieval import run_retrieval_bench
from eval.bench.retrieval_collection import ensure_collection
from eval.bench.retrieval_corpus import BenchCorpus, BenchCorpusWriter, BenchPassage, recall
from eval.bench.retrieval_figures import RetrievalBenchFigures, SizeFigures
from eval.bench.retrieval_report import retrieval_lines, retrieval_markdown, write_plots
from eval.bench.retrieval_run import TroikaRun
from eval.bench.retrieval_source import ensure_corpus
from ingest.settings import Settings
from ingest.snapshots.snapshot import open_snapshot
from ingest.snapshots.verify import verify_collection
from tests.eval.fakes import shown

ANIMALS = ("otter", "heron", "badger", "lynx", "beaver", "stork")
MACHINE = Machine("a processor", 2, 23.0, "3.11.7")


def times(p50: float, p99: float = 9.0) -> QueryTimes:
    return QueryTimes(100, p50, p99, p99, p50)


TROIKA = TroikaRun(
    chunks=100_000,
    open_seconds=0.2,
    whole=times(1.5, 4.5),
    vector_given=times(0.5),
    stages={"embed": times(1.0), "dense": times(0.1), "lexical": times(0.2), "read": times(0.1)},
    opened=Resident(1_000_000, 40_000_000),
    searched=Resident(10_000_000, 50_000_000),
    recall_at_10=0.98,
)
PEERS = (
    PeerRun("FAISS exact", Kind.DENSE, 1.0, times(5.0), Resident(150_000_000, 0), 1.0),
    PeerRun("bm25s", Kind.LEXICAL, 9.0, times(0.4), Resident(50_000_000, 0), None),
    PeerRun("txtai hybrid", Kind.HYBRID, 9.0, times(25.0), Resident(90_000_000, 0), None),
)
SIZE = SizeFigures(TROIKA, PEERS, {"langchain": "it is not installed"})
FIGURES = RetrievalBenchFigures(date(2026, 11, 21), MACHINE, "some text", (SIZE,))


def write_dataset(folder: Path) -> Path:
    """A data set of a passage and a query for each animal."""
    folder.mkdir()
    documents = [
        {
            "_id": name,
            "title": name.title(),
            "text": f"The {name} lives by the river. A {name} hunts at night.",
        }
        for name in ANIMALS
    ]
    queries = [{"_id": name, "text": f"Where does the {name} live?"} for name in ANIMALS]
    for name, rows in (("corpus", documents), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    (folder / "qrels.tsv").write_text("\n".join(f"{name}\t{name}\t1" for name in ANIMALS), "utf-8")
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> BenchCorpus:
    """Three passages and two questions with vectors along the axes."""
    writer = BenchCorpusWriter(tmp_path_factory.mktemp("corpus"), 3, 3)
    passages = [BenchPassage("", "en", f"passage {row}") for row in range(3)]
    writer.add(passages[:2], np.eye(3, dtype=np.float32)[:2])
    writer.add(passages[2:], np.eye(3, dtype=np.float32)[2:])
    return writer.finish(["one?", "two?"], np.asarray([[0.1, 0.9, 0.2], [0.5, 0.0, 0.8]], dtype=np.float32))


def test_a_corpus_is_read_as_it_was_written(tiny: BenchCorpus) -> None:
    assert [passage.searched for passage in tiny.passages()] == ["passage 0", "passage 1", "passage 2"]
    assert len(tiny) == 3
    assert tiny.questions == ["one?", "two?"]


def test_exact_search_finds_the_largest_products(tiny: BenchCorpus) -> None:
    assert tiny.exact_nearest(2, 10).tolist() == [[1, 2], [2, 0]]


def test_recall_is_the_share_of_the_exact_rows(tiny: BenchCorpus) -> None:
    assert recall([[1, 0], [0, 2]], tiny.exact_nearest(2, 10)) == 0.75


def test_each_kind_of_peer_is_compared_with_the_part_that_does_the_same() -> None:
    assert [SIZE.times_as_slow(peer) for peer in PEERS] == pytest.approx([50.0, 2.0, 50.0])


def test_goals_are_met_or_missed() -> None:
    verdicts = {reached: met for reached, _, met in SIZE.verdicts()}
    assert verdicts == {
        "recall@10 0.980": True,
        "memory 100 + 500 bytes a chunk": True,
        "p50 1.50 ms": True,
        "p99 4.50 ms": False,
        "opened in 0.20 s": True,
    }
    other_size = SizeFigures(replace(TROIKA, chunks=500), (), {})
    assert len(list(other_size.verdicts())) == 2


def test_figures_are_shown_with_ratios_and_with_who_was_not_measured() -> None:
    markdown = retrieval_markdown(FIGURES)
    assert "| FAISS exact | 5.00 | 9.00 | 5.00 | 200 | 1,500 | 1.000 | 50 |" in markdown
    assert "- p99 4.50 ms (goal ≤ 4: missed)" in markdown
    assert "- langchain was not measured: it is not installed" in markdown
    assert "txtai hybrid" in shown(retrieval_lines(FIGURES))
    document = json.loads(json.dumps(FIGURES.to_json()))
    assert document["sizes"][0]["peers"][0]["times_as_slow"] == pytest.approx(50.0)


def test_plots_show_every_line(tmp_path: Path) -> None:
    latency, found = (path.read_text("utf-8") for path in write_plots(FIGURES, tmp_path / "plots"))
    assert "Troika, vector given, p50" in latency
    assert "Troika with its embedder, p99" in latency
    assert "txtai hybrid, p50" in latency
    assert "FAISS exact" in found


def test_a_small_collection_is_measured_beside_a_peer(settings: Settings, tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "animals")
    peers = (Peer.FAISS_EXACT, Peer.LLAMA_INDEX)
    figures = run_retrieval_bench([60], [dataset], peers, Path(sys.executable), settings, queries=20)
    (size,) = figures.sizes
    assert size.troika.whole.queries == 20
    assert size.troika.recall_at_10 == 1.0
    assert [(peer.name, peer.recall_at_10) for peer in size.peers] == [("FAISS exact", 1.0)]
    assert "make bench-env" in size.absent["llama-index"]
    corpus = ensure_corpus([dataset], 60, settings)
    collection = ensure_collection(corpus, settings)
    assert verify_collection(settings.home, collection).problems == ()
    snapshot = open_snapshot(settings.home, collection)
    kept = snapshot.documents.chunks_by_number(list(range(1, 61)))
    assert [chunk.text for chunk in kept] == [passage.text for passage in corpus.passages()]
    snapshot.close()


def test_passages_that_are_made_are_near_real_ones(settings: Settings, tmp_path: Path) -> None:
    corpus = ensure_corpus([write_dataset(tmp_path / "animals")], 60, settings)
    assert len(list(corpus.passages())) == len(corpus) == 60
    real = corpus.vectors[: len(ANIMALS)]
    assert np.linalg.norm(corpus.vectors, axis=1) == pytest.approx(np.ones(60), abs=1e-5)
    cosines = np.sum(corpus.vectors[len(ANIMALS) : 2 * len(ANIMALS)] * real, axis=1)
    assert 0.7 < float(cosines.mean()) < 0.99
