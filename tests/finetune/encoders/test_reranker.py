from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

pytest.importorskip("datasets")

import torch
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss

from finetune.encoders.plan import compares_pairs
from finetune.encoders.reranker import pairs, train
from finetune.encoders.rows import EncoderRow
from finetune.training.job import MODEL
from service.retrieval.rerankers.cross_encoder import TorchCrossEncoder
from tests.finetune.encoders.jobs import reranker_job, rows
from tests.finetune.encoders.tiny_models import IN_DOCUMENTS, IN_QUESTIONS

# The trainer warns of what it does on a CPU, and of the head that the encoder lacks.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")

LEARN = ("train.learning_rate=0.003", "train.per_device_train_batch_size=10")


def test_a_row_is_a_pair_for_each_of_its_passages() -> None:
    [row] = rows(1, others=2)
    asked = pairs((row,))
    assert asked["question"][:] == [row.question] * 3
    assert asked["passage"][:] == [row.answer, *row.others]
    assert asked["label"][:] == [1.0, 0.0, 0.0]


def test_the_loss_is_the_formula_written_out(tiny_embedder: Path) -> None:
    torch.manual_seed(0)
    model = cast("Any", CrossEncoder)(str(tiny_embedder), num_labels=1)
    asked = pairs(rows(4, others=2))
    texts, labels = [asked["question"][:], asked["passage"][:]], np.array(asked["label"][:])
    with torch.no_grad():
        loss = float(BinaryCrossEntropyLoss(model)(texts, torch.tensor(labels)))
    shares = model.predict(list(zip(*texts, strict=True)), show_progress_bar=False)
    expected = -np.mean(labels * np.log(shares) + (1 - labels) * np.log(1 - shares))
    assert loss == pytest.approx(float(expected), abs=1e-5)


def test_a_fresh_head_learns_to_tell_answers(tiny_embedder: Path, tmp_path: Path) -> None:
    assert not compares_pairs(tiny_embedder)
    right, wrong = IN_DOCUMENTS[:5], IN_DOCUMENTS[5:]
    learned = [
        EncoderRow(IN_QUESTIONS[number], f"{right[number]} {right[number - 1]}", (wrong[number],))
        for number in range(5)
    ]
    job = reranker_job(tiny_embedder, tmp_path / "run", learned, "train.max_steps=15", *LEARN)
    outcome = train(job)
    assert outcome.metrics.last_loss < outcome.metrics.first_loss / 2
    assert outcome.metrics.tokens == 15 * 5 * (6 + 5)
    assert compares_pairs(job.output / MODEL)
    reranker = TorchCrossEncoder(str(job.output / MODEL))
    for row in learned:
        assert reranker.score(row.question, [row.answer, *row.others]).argmax() == 0
