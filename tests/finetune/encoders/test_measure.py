"""A reranker is measured as it is served: by the same depth and margin, and beside what serves now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

pytest.importorskip("datasets")

from eval.retrieval.datasets import Query
from finetune.encoders.collection import opened_collection
from finetune.encoders.gate import gate_lines
from finetune.encoders.labels import LabelFiles
from finetune.encoders.measure import best_hits, reranking_measures
from finetune.encoders.run import train_reranker
from finetune.settings.encoders import RerankerConfig
from finetune.settings.train_config import read_config
from ingest.document import Hit
from ingest.errors import ModelNotFoundError, RerankerError
from ingest.settings import RerankSettings, Settings
from service.retrieval.rerank import Reranker, RerankPolicy
from tests.finetune.encoders.jobs import QUICK, train_in_this_process
from tests.finetune.encoders.tiny_collection import NAME, tiny_settings, write_collection
from tests.finetune.encoders.tiny_models import IN_DOCUMENTS, write_questions
from tests.service.retrieval.test_rerank import WordReranker, hits_of

# The trainers warn of what they do on a CPU, and of the head that an encoder lacks.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")

DOCUMENTS = 20
QUERY = Query("q7", "where?", "en", {"Guide 2": 1})
FOUND = hits_of(("wrong", 0.9), ("wrong", 0.7), ("right", 0.6))
THIRD = 0.5  # the nDCG of one right document: 1 / log2(1 + rank)


def measured(reranker: Reranker | None, depth: int, margin: float, found: Sequence[Hit] = FOUND) -> float:
    [measure] = reranking_measures([found], [QUERY], reranker, RerankPolicy(depth, margin))
    assert (measure.name, measure.value is None) == ("ndcg@10", False)
    return measure.value or 0.0


def test_hits_are_reranked_to_the_depth_and_up_to_the_lead_of_the_settings() -> None:
    reranker = WordReranker("right")
    assert measured(reranker, depth=3, margin=0.3) == 1.0
    assert measured(reranker, depth=2, margin=0.3) == pytest.approx(THIRD)
    assert [len(passages) for passages in reranker.asked] == [3, 2]
    assert measured(reranker, depth=3, margin=0.2 - 1e-9) == pytest.approx(THIRD)
    assert len(reranker.asked) == 2
    assert measured(None, depth=3, margin=0.3) == pytest.approx(THIRD)
    assert measured(reranker, depth=3, margin=0.3, found=()) == 0.0


def test_a_reranker_that_fails_is_not_measured_by_the_order_that_stays() -> None:
    broken = WordReranker("right", RerankerError("the server is down"))
    with pytest.raises(RerankerError, match=r"failed on the question 'q7'.*same command again"):
        measured(broken, depth=3, margin=0.3)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tiny_embedder: Path) -> Path:
    """A home with a collection."""
    home = tmp_path_factory.mktemp("measured") / "home"
    write_collection(tiny_settings(home), tiny_embedder, DOCUMENTS)
    return home


def settings_of(home: Path, rerank: RerankSettings) -> Settings:
    return tiny_settings(home).model_copy(update={"rerank": rerank})


def test_no_fewer_hits_are_measured_than_are_reranked(home: Path) -> None:
    with opened_collection(tiny_settings(home), NAME) as collection:
        query = Query("q", IN_DOCUMENTS[0], "en", {"0.md": 1})
        silent = Query("silent", "?", "en", {"0.md": 1})
        for policy in (RerankPolicy(2, 0.3), RerankPolicy(50, 0.3)):
            found, nothing = best_hits(collection.retriever, [query, silent], policy)
            assert (len(found), nothing) == (DOCUMENTS, [])


def test_the_baseline_is_what_the_settings_serve(
    home: Path, tmp_path: Path, tiny_embedder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = LabelFiles(write_questions(tmp_path / "questions.jsonl", DOCUMENTS))
    overrides = [
        *QUICK, f"model.name_or_path={tiny_embedder}", "train.max_steps=1", "data.held_out=0.5",
    ]  # fmt: skip
    config = read_config(RerankerConfig, "reranker", None, overrides)
    with pytest.raises(ModelNotFoundError):
        train_reranker(settings_of(home, RerankSettings(model="absent")), config, NAME, files)
    assert not (home / "runs").exists()
    served = WordReranker(IN_DOCUMENTS[0])
    monkeypatch.setattr("finetune.encoders.run.load_reranker", lambda *_: served)
    train_in_this_process(monkeypatch)
    settings = settings_of(home, RerankSettings(model="served", depth=5, margin=1.0))
    report = train_reranker(settings, config, NAME, files)
    assert report.gate.baseline == "served"
    assert "10 questions held out" in gate_lines(report.gate)[0]
    assert gate_lines(report.gate)[0].endswith("beside served:")
    assert [len(passages) for passages in served.asked] == [5] * 10
