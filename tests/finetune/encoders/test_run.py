"""The whole way, on tiny models: from questions to a collection that is searched with what was learned."""

from __future__ import annotations

import json
import shutil
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("datasets")

from eval.decision.comparison import Verdict
from finetune.cli import finetune_app
from finetune.encoders.collection import opened_collection
from finetune.encoders.labels import LabelFiles
from finetune.encoders.plan import FRESH_HEAD, plan_lines
from finetune.encoders.run import (
    EncoderReport,
    plan_encoder,
    publish_embedder,
    train_embedder,
    train_reranker,
)
from finetune.settings.encoders import EmbedderConfig, RerankerConfig
from finetune.settings.train_config import read_config
from ingest.embedders.sentence_transformer import SentenceTransformerEmbedder
from ingest.errors import (
    CollectionBusyError,
    CollectionNotFoundError,
    ModelNotFoundError,
    PromotionRefusedError,
    SettingsError,
    TrainingDataError,
)
from ingest.settings import Settings
from ingest.snapshots.collection import Collection
from ingest.snapshots.manifest import read_manifest
from ingest.snapshots.repair import roll_back
from ingest.snapshots.verify import verify_collection
from tests.finetune.encoders.jobs import QUICK, train_in_this_process
from tests.finetune.encoders.tiny_collection import NAME, tiny_settings, write_collection
from tests.finetune.encoders.tiny_models import write_questions

# The trainers warn of what they do on a CPU, and of the head that an encoder lacks.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")

DOCUMENTS = 80
LEARN = (*QUICK, "train.learning_rate=0.01", "data.held_out=0.5", "gate.fewest_sources=10")


@dataclass(frozen=True)
class Trained:
    """A home with a collection, the questions about it, and what training its embedder came to."""

    settings: Settings
    files: LabelFiles
    report: EncoderReport

    def copied(self, folder: Path) -> Settings:
        """Settings of a home in which the same was done, to do more."""
        shutil.copytree(self.settings.home, folder)
        return self.settings.model_copy(update={"home": folder})


def embedder_config(*overrides: str) -> EmbedderConfig:
    return read_config(
        EmbedderConfig, "embedder", None, [*LEARN, "train.per_device_train_batch_size=10", *overrides]
    )


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    train_in_this_process(monkeypatch)


@pytest.fixture(scope="module")
def better(tmp_path_factory: pytest.TempPathFactory, tiny_embedder: Path) -> Trained:
    """Trained long enough to be better."""
    folder = tmp_path_factory.mktemp("better")
    settings = tiny_settings(folder / "home")
    write_collection(settings, tiny_embedder, DOCUMENTS)
    files = LabelFiles(write_questions(folder / "questions.jsonl", DOCUMENTS))
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        train_in_this_process(patch)
        config = embedder_config("train.num_train_epochs=8")
        report = train_embedder(settings, config, NAME, files)
    return Trained(settings, files, report)


def current_of(settings: Settings) -> str:
    return Collection(settings.home, NAME).require_current().name


def test_a_plan_says_what_would_be_learned_and_writes_nothing(better: Trained) -> None:
    before = sorted(better.settings.home.rglob("*"))
    plan = plan_encoder(better.settings, embedder_config(), NAME, better.files)
    assert (plan.rows, plan.held_out, plan.steps, plan.per_step) == (40, 40, 12, 10)
    assert len(plan.examples) == 3
    assert plan.examples[0].answer.startswith("note\n")  # the title, as the index embeds it
    config = read_config(RerankerConfig, "reranker", None, LEARN)
    pairs = plan_encoder(better.settings, config, NAME, better.files)
    assert (pairs.rows, pairs.steps, pairs.per_step) == (40, 26, 16)
    assert FRESH_HEAD in plan_lines(pairs)
    assert FRESH_HEAD not in plan_lines(plan)
    assert sorted(better.settings.home.rglob("*")) == before


def test_an_embedder_is_measured_beside_the_collection(better: Trained) -> None:
    gate = better.report.gate
    assert gate.passed
    assert [(row.measure, row.verdict) for row in gate.rows if row.measure.endswith("ndcg@10")] == [
        ("hybrid ndcg@10", Verdict.BETTER),
        ("dense ndcg@10", Verdict.BETTER),
    ]
    assert json.loads(better.report.gate_path.read_text()) == json.loads(json.dumps(gate.to_json()))
    assert current_of(better.settings) == gate.snapshot
    provenance = json.loads((better.report.folder / "provenance.json").read_text())
    assert (provenance["rows"], provenance["snapshot"]) == (40, gate.snapshot)


def test_what_was_measured_is_published_without_embedding_it_again(
    better: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, report = better.copied(tmp_path / "home"), better.report

    def unused(*_: object) -> None:
        raise AssertionError("what was embedded to measure is embedded again")

    monkeypatch.setattr(SentenceTransformerEmbedder, "embed_passages", unused)
    snapshot = publish_embedder(settings, report)
    monkeypatch.undo()
    with opened_collection(settings, NAME) as published:
        assert published.snapshot.id == snapshot
        assert published.spec == replace(report.manifest.embedder, model=str(report.folder))
        assert published.snapshot.manifest.chunking == report.manifest.chunking
        sources = {summary.source_uri for summary in published.snapshot.documents.document_summaries()}
        assert sources == {f"file:///source/{number}" for number in range(DOCUMENTS)}
        [chunk] = published.snapshot.documents.chunks_by_number([1])
        [vector] = published.embedder.embed_passages([published.passage_text(chunk)])
        [(number, cosine)] = published.snapshot.vectors.search(vector, 1)
        assert (number, cosine) == (1, pytest.approx(1.0, abs=1e-3))
    assert not verify_collection(settings.home, NAME, settings.store).problems
    assert roll_back(settings.home, NAME) == report.gate.snapshot


@pytest.mark.slow
def test_a_collection_that_changed_since_is_measured_again(
    better: Trained, tmp_path: Path, tiny_embedder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = better.copied(tmp_path / "home")
    write_collection(settings, tiny_embedder, DOCUMENTS + 1)
    with pytest.raises(CollectionBusyError, match="measure it again"):
        publish_embedder(settings, better.report)
    monkeypatch.setenv("TROIKA_HOME", str(settings.home))
    monkeypatch.setenv("TROIKA_INGEST__NEAR_DUPLICATES", "false")
    name = better.report.folder.name
    result = CliRunner().invoke(
        finetune_app,
        [
            "embedder", "--questions", str(better.files.questions), "-c", NAME, "--model", name,
            "--publish", "--json", *LEARN,
        ],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    assert (shown["metrics"], shown["gate"]["model"]) == (None, name)
    assert shown["published"] == current_of(settings) != shown["gate"]["snapshot"]
    manifest = read_manifest(Collection(settings.home, NAME).require_current())
    assert (manifest.documents, Path(manifest.embedder.model).name) == (DOCUMENTS + 1, name)
    with pytest.raises(ModelNotFoundError, match=name):
        train_embedder(settings, embedder_config(), NAME, better.files, model="embedder@00000000")


def test_an_embedder_that_is_not_better_is_shown_and_refused(
    better: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = better.copied(tmp_path / "home")
    monkeypatch.setenv("TROIKA_HOME", str(settings.home))
    monkeypatch.setenv("TROIKA_INGEST__NEAR_DUPLICATES", "false")
    result = CliRunner().invoke(
        finetune_app,
        [
            "embedder", "--questions", str(better.files.questions), "-c", NAME, "--publish",
            *LEARN, "train.learning_rate=1e-7", "train.max_steps=1",
        ],
    )  # fmt: skip
    assert isinstance(result.exception, PromotionRefusedError)
    assert "can't tell" in result.output
    assert "--model" not in result.output
    assert current_of(settings) == better.report.gate.snapshot


@pytest.mark.slow
def test_a_reranker_is_measured_on_the_best_hits(better: Trained, tmp_path: Path) -> None:
    settings = better.copied(tmp_path / "home")
    base = better.report.manifest.embedder.model
    overrides = [*LEARN, f"model.name_or_path={base}", "train.max_steps=2"]
    config = read_config(RerankerConfig, "reranker", None, overrides)
    report = train_reranker(settings, config, NAME, better.files)
    [row] = report.gate.rows
    assert (row.measure, row.cases, report.gate.baseline) == ("ndcg@10", 40, "no reranker")
    assert row.first.value == better.report.gate.rows[0].first.value  # the order of hybrid search
    assert report.folder.name.startswith("reranker@")


def test_a_model_is_not_measured_on_what_it_learned(
    better: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("finetune.encoders.run.retrieval_measures", lambda *_: pytest.fail("was measured"))
    model = better.report.folder
    for override, found in (("train.seed=1", "train.seed 0"), ("data.held_out=0.4", "data.held_out 0.5")):
        with pytest.raises(TrainingDataError, match=f"trained with {found}, .*give those again"):
            train_embedder(better.settings, embedder_config(override), NAME, better.files, model=model.name)
        config = read_config(
            RerankerConfig, "reranker", None, [*LEARN, f"model.name_or_path={model}", override]
        )
        with pytest.raises(TrainingDataError, match=f"trained with {found}"):
            train_reranker(better.settings, config, NAME, better.files)
    fewer = LabelFiles(write_questions(tmp_path / "questions.jsonl", DOCUMENTS - 1))
    with pytest.raises(TrainingDataError, match="the questions"):
        train_embedder(better.settings, embedder_config(), NAME, fewer, model=model.name)
    assert not [*(better.settings.home / "runs").glob("reranker-*")]


def test_an_embedder_that_was_published_learns_on_from_the_same_questions(
    better: Trained, tmp_path: Path
) -> None:
    settings = better.copied(tmp_path / "home")
    publish_embedder(settings, better.report)
    assert plan_encoder(settings, embedder_config(), NAME, better.files).rows == 40
    with pytest.raises(TrainingDataError, match=r"train\.seed 0"):
        plan_encoder(settings, embedder_config("train.seed=1"), NAME, better.files)


def test_wrong_use_is_told_before_any_work(better: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROIKA_HOME", str(better.settings.home))
    for arguments, error in (
        (["embedder", "-c", "nowhere"], CollectionNotFoundError),
        (["reranker", "train.packing=true"], SettingsError),
    ):
        questions = str(better.files.questions)
        result = CliRunner().invoke(finetune_app, [*arguments, "--questions", questions])
        assert isinstance(result.exception, error)
