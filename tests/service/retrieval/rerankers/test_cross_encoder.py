"""With a tiny model of random weights: what it thinks is noise, that it is asked rightly is not."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from transformers import BertForSequenceClassification

from ingest.embedders.openvino_runtime import convert_model, ov
from ingest.errors import ModelNotFoundError, SettingsError
from ingest.settings import RerankSettings
from service.retrieval.rerank import load_reranker
from service.retrieval.rerankers.cross_encoder import TorchCrossEncoder
from service.retrieval.rerankers.exported import ExportedCrossEncoder
from tests.service.tiny_cross_encoder import write_model

QUERY = "what is the rank of lora"
PASSAGES = ["the rank is sixteen", "the hotel", "lora", "rank " * 80]


def export(folder: Path) -> None:
    """Convert the model in ``folder`` to OpenVINO, under the name that sentence-transformers gives it."""
    model = cast("Any", BertForSequenceClassification).from_pretrained(folder).eval()
    example = {name: torch.ones((1, 8), dtype=torch.int64) for name in ("input_ids", "attention_mask")}
    example["token_type_ids"] = torch.zeros((1, 8), dtype=torch.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of transformers and the tracing, about themselves
        converted = convert_model()(model, example_input=example)
    (folder / "openvino").mkdir()
    cast("Any", ov).save_model(converted, folder / "openvino" / "openvino_model.xml", compress_to_fp16=False)


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("reranker"), ["score"])


@pytest.fixture(scope="module")
def reranker(model_folder: Path) -> TorchCrossEncoder:
    return TorchCrossEncoder(str(model_folder))


def test_each_passage_gets_the_score_that_it_gets_alone(reranker: TorchCrossEncoder) -> None:
    together = reranker.score(QUERY, PASSAGES)
    alone = [reranker.score(QUERY, [passage])[0] for passage in PASSAGES]
    assert together.shape == (4,)
    assert together.dtype == np.float32
    assert together == pytest.approx(alone, abs=1e-5)
    assert len(set(together.round(4).tolist())) == 4


def test_threads_may_share_it(reranker: TorchCrossEncoder) -> None:
    expected = reranker.score(QUERY, PASSAGES)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: reranker.score(QUERY, PASSAGES), range(12)))
    assert all(np.array_equal(scores, expected) for scores in results)


def test_an_export_is_preferred_and_orders_as_the_model_does(
    reranker: TorchCrossEncoder, tmp_path: Path
) -> None:
    folder = write_model(tmp_path / "exported", ["score"])
    assert isinstance(load_reranker(RerankSettings(model=str(folder)), threads=1), TorchCrossEncoder)
    export(folder)
    exported = load_reranker(RerankSettings(model=str(folder)), threads=1)
    assert isinstance(exported, ExportedCrossEncoder)
    logits = exported.score(QUERY, PASSAGES)
    probabilities = 1 / (1 + np.exp(-logits))  # sentence-transformers gives the sigmoid of a single logit
    assert probabilities == pytest.approx(reranker.score(QUERY, PASSAGES), abs=0.02)  # bf16 where there is


def test_a_model_with_several_scores_for_a_pair_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "classifier", ["no", "maybe", "yes"])
    with pytest.raises(SettingsError, match="3 scores"):
        TorchCrossEncoder(str(folder))
    export(folder)
    with pytest.raises(SettingsError, match="one for each pair"):
        load_reranker(RerankSettings(model=str(folder)), threads=1)


def test_a_folder_without_a_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"rerank\.model"):
        TorchCrossEncoder(str(tmp_path))
