from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

pytest.importorskip("datasets")

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.sampler import NoDuplicatesBatchSampler
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from finetune.encoders.embedder import columns, open_embedder, train
from finetune.encoders.job import Probe
from finetune.training.job import METRICS, MODEL
from ingest.errors import ModelNotFoundError
from tests.finetune.encoders.jobs import embedder_job, rows

# The trainer warns of what it does on a CPU.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")

SCALE = 20.0


def vectors(model: Any, texts: list[str]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.asarray(model.encode(texts, normalize_embeddings=True), dtype=np.float64)


def test_the_loss_is_the_formula_written_out(tiny_embedder: Path) -> None:
    model = cast("Any", SentenceTransformer)(str(tiny_embedder))
    batch = rows(5, others=2)
    names = columns(batch).column_names
    features = [model.preprocess([text[name] for text in columns(batch)]) for name in names]
    with torch.no_grad():
        loss = float(MultipleNegativesRankingLoss(model, scale=SCALE)(features, torch.zeros(5)))
    questions = vectors(model, [row.question for row in batch])
    passages = vectors(model, [text for name in names[1:] for text in columns(batch)[name]])
    logits = SCALE * questions @ passages.T
    expected = np.mean([np.log(np.exp(line).sum()) - line[place] for place, line in enumerate(logits)])
    assert loss == pytest.approx(expected, abs=1e-5)


def test_no_text_stands_twice_in_a_batch() -> None:
    learned = rows(24)  # each answer is the wrong passage of the row before
    sampler = NoDuplicatesBatchSampler(columns(learned), batch_size=6, drop_last=False, seed=0)
    batches = list(sampler)
    assert sorted(place for batch in batches for place in batch) == list(range(24))
    for batch in batches:
        texts = [text for place in batch for text in (learned[place].answer, *learned[place].others)]
        assert len(set(texts)) == len(texts)


def test_training_brings_questions_to_their_answers(tiny_embedder: Path, tmp_path: Path) -> None:
    learned = rows(60)
    overrides = (
        "train.learning_rate=0.01", "train.num_train_epochs=6", "train.per_device_train_batch_size=12"
    )  # fmt: skip
    job = embedder_job(tiny_embedder, tmp_path / "run", learned, *overrides)
    outcome = train(job)
    assert outcome.metrics.last_loss < outcome.metrics.first_loss / 2
    assert outcome.metrics.tokens == 6 * 60 * (5 + 5 + 5)
    assert len(losses(job.output)) == outcome.metrics.steps
    # On documents that it never saw: what it learned is what the words mean.
    unseen = rows(80)[60:]
    before, after = (
        cast("Any", SentenceTransformer)(str(folder)) for folder in (tiny_embedder, job.output / MODEL)
    )
    assert hits(after, unseen) > hits(before, unseen) + 5
    assert after.max_seq_length == job.window
    assert not (job.output / MODEL / "README.md").exists()  # it would quote the rows


def hits(model: Any, asked: Any) -> int:
    similarities = vectors(model, [r.question for r in asked]) @ vectors(model, [r.answer for r in asked]).T
    return int((similarities.argmax(axis=1) == np.arange(len(asked))).sum())


def test_a_run_that_was_killed_ends_as_it_would_have(tiny_embedder: Path, tmp_path: Path) -> None:
    overrides = ("train.max_steps=4", "train.save_steps=2", "train.per_device_train_batch_size=2")
    job = embedder_job(tiny_embedder, tmp_path / "run", rows(8), *overrides)
    train(job)
    whole = losses(job.output)
    shutil.rmtree(job.output / "checkpoint-4")
    shutil.rmtree(job.output / MODEL)
    train(job)
    assert losses(job.output) == pytest.approx(whole, abs=1e-3)


def losses(output: Path) -> list[float]:
    return [entry["loss"] for entry in json.loads((output / METRICS).read_text())["curve"]]


def test_training_starts_from_the_vectors_that_serve(tiny_embedder: Path, tmp_path: Path) -> None:
    job = embedder_job(tiny_embedder, tmp_path, rows(4))
    model = cast("Any", SentenceTransformer)(str(tiny_embedder))
    [vector] = vectors(model, ["maka teno"])
    open_embedder(replace(job, probe=Probe("maka teno", tuple(vector.tolist()))))
    with pytest.raises(ModelNotFoundError, match="pooling"):
        open_embedder(replace(job, probe=Probe("kosi", tuple((-vector).tolist()))))
