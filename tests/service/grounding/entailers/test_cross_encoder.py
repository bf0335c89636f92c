"""With a tiny model of random weights: what it thinks is noise, that its label is read rightly is not."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from transformers import BertForSequenceClassification, PreTrainedTokenizerFast

from ingest.errors import EntailmentError, ModelNotFoundError, SettingsError
from ingest.settings_answer import GroundingSettings
from service.grounding.entailers.cross_encoder import NliCrossEncoder
from service.grounding.entailment import load_entailment
from tests.service.tiny_cross_encoder import write_model

LABELS = ["contradiction", "entailment", "neutral"]
PREMISES = ["the rank is sixteen", "the hotel", "rank " * 80]
HYPOTHESES = ["lora is sixteen", "the rank is", "what is lora"]


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("nli"), LABELS)


@pytest.fixture(scope="module")
def entailer(model_folder: Path) -> NliCrossEncoder:
    return NliCrossEncoder(str(model_folder))


def with_labels(folder: Path, model_folder: Path, labels: list[str]) -> Path:
    """The same weights under other names of their outputs."""
    for path in model_folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    config = json.loads((model_folder / "config.json").read_text("utf-8"))
    config["id2label"] = {str(n): label for n, label in enumerate(labels)}
    config["label2id"] = {label: n for n, label in enumerate(labels)}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return folder


def test_a_pair_gets_the_softmax_of_its_logits_at_the_label(
    entailer: NliCrossEncoder, model_folder: Path
) -> None:
    tokenizer = cast("Any", PreTrainedTokenizerFast).from_pretrained(model_folder)
    model = cast("Any", BertForSequenceClassification).from_pretrained(model_folder).eval()
    with torch.inference_mode():
        logits = model(**tokenizer(PREMISES[0], HYPOTHESES[0], return_tensors="pt")).logits[0]
    expected = float(torch.softmax(logits, dim=0)[1])
    found = entailer.probabilities(PREMISES[:1], HYPOTHESES[:1])
    assert found.dtype == np.float32
    assert found.tolist() == pytest.approx([expected], abs=1e-5)


def test_each_pair_gets_what_it_gets_alone(entailer: NliCrossEncoder) -> None:
    together = entailer.probabilities(PREMISES, HYPOTHESES)
    alone = [entailer.probabilities([p], [h])[0] for p, h in zip(PREMISES, HYPOTHESES, strict=True)]
    assert together.tolist() == pytest.approx(alone, abs=1e-5)
    assert entailer.probabilities([], []).shape == (0,)


def test_the_labels_stand_in_the_models_own_order(
    entailer: NliCrossEncoder, model_folder: Path, tmp_path: Path
) -> None:
    folders = [tmp_path / name for name in ("first", "last")]
    orders = (["ENTAILMENT", "neutral", "contradiction"], ["neutral", "contradiction", "Entailment"])
    shares = [entailer.probabilities(PREMISES, HYPOTHESES)]
    for folder, order in zip(folders, orders, strict=True):
        folder.mkdir()
        other = NliCrossEncoder(str(with_labels(folder, model_folder, order)))
        shares.append(other.probabilities(PREMISES, HYPOTHESES))
    assert np.sum(shares, axis=0).tolist() == pytest.approx([1.0] * 3, abs=1e-5)


def test_a_model_of_something_else_is_refused(model_folder: Path, tmp_path: Path) -> None:
    folder = with_labels(tmp_path, model_folder, ["LABEL_0", "LABEL_1", "LABEL_2"])
    with pytest.raises(SettingsError, match=r"LABEL_0, LABEL_1, LABEL_2 where one called entailment"):
        NliCrossEncoder(str(folder))


def test_a_model_that_is_not_there_is_named() -> None:
    with pytest.raises(ModelNotFoundError, match=r"nli_model"):
        NliCrossEncoder("/nowhere/nli")


def test_a_model_that_fails_is_an_error_of_its_own(model_folder: Path) -> None:
    entailer = NliCrossEncoder(str(model_folder))
    cast("Any", entailer)._model.model.classifier = torch.nn.Linear(1, 3)
    with pytest.raises(EntailmentError, match="NLI model failed"):
        entailer.probabilities(PREMISES, HYPOTHESES)


def test_threads_may_share_it(entailer: NliCrossEncoder) -> None:
    expected = entailer.probabilities(PREMISES, HYPOTHESES).tolist()
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: entailer.probabilities(PREMISES, HYPOTHESES).tolist(), range(8)))
    assert found == [pytest.approx(expected, abs=1e-5)] * 8


def test_it_is_off_without_a_model_and_made_with_one(model_folder: Path) -> None:
    assert load_entailment(GroundingSettings()) is None
    loaded = load_entailment(GroundingSettings(nli_model=str(model_folder)))
    assert isinstance(loaded, NliCrossEncoder)
