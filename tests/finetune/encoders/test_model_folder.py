from __future__ import annotations

import json
from pathlib import Path

import pytest

from finetune.encoders.model_folder import (
    PROVENANCE,
    Provenance,
    embedder_weights,
    keep_model,
    kept_model,
    read_provenance,
    weights_folder,
)
from finetune.training.job import LOSS_CURVE, METRICS, MODEL, RunMetrics
from ingest.choices import EmbedderBackend
from ingest.embed import PRESETS, EmbedderSpec
from ingest.errors import ModelNotFoundError, SettingsError, TrainingDataError

WENT = RunMetrics(4, 2, 100, 1.0, 100.0, 10.0, 2.0, 1.0, stopped_early=False)
MADE_FROM = Provenance("base@1", "handbook", "s1", "q", None, "r", 4, {"train": {"seed": 0}}, WENT, {})


def finished_run(folder: Path, weights: bytes = b"weights") -> Path:
    (folder / MODEL).mkdir(parents=True)
    (folder / MODEL / "model.safetensors").write_bytes(weights)
    (folder / MODEL / "config.json").write_text("{}")
    (folder / LOSS_CURVE).write_text("<svg/>")
    (folder / METRICS).write_text("{}")
    return folder


def test_the_packaged_embedder_has_weights_to_train() -> None:
    folder = embedder_weights(PRESETS["minilm"])
    assert (folder / "model.safetensors").is_file()


def test_an_embedder_behind_a_server_cannot_be_trained() -> None:
    with pytest.raises(SettingsError, match="behind a server"):
        embedder_weights(EmbedderSpec(EmbedderBackend.OPENAI, "served", 8, 128))


def test_a_folder_without_weights_cannot_be_trained(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelNotFoundError, match="no safetensors weights"):
        weights_folder(str(tmp_path))


@pytest.mark.parametrize("name", ["BAAI/bge-of-nowhere", "no such folder!"])
def test_a_model_that_is_not_here_is_an_error(name: str) -> None:
    with pytest.raises(ModelNotFoundError, match="hub cache"):
        weights_folder(name)


def test_a_model_is_kept_under_the_hash_of_its_weights(tmp_path: Path) -> None:
    home = tmp_path / "home"
    kept = keep_model(home, "embedder", finished_run(tmp_path / "run"), MADE_FROM)
    assert kept.parent == (home / "models").resolve()
    assert kept.name == "embedder@9a129038"
    assert json.loads((kept / PROVENANCE).read_text())["metrics"]["last_loss"] == 1.0
    assert (kept / LOSS_CURVE).is_file()
    assert kept_model(home, kept.name) == kept
    written = (kept / PROVENANCE).stat().st_mtime_ns
    assert keep_model(home, "embedder", finished_run(tmp_path / "again"), MADE_FROM) == kept
    assert (kept / PROVENANCE).stat().st_mtime_ns == written
    assert keep_model(home, "embedder", finished_run(tmp_path / "other", b"others"), MADE_FROM) != kept
    with pytest.raises(ModelNotFoundError, match="embedder@9a129038"):
        kept_model(home, "embedder@00000000")


def test_what_a_model_was_made_from_is_read_back(tmp_path: Path) -> None:
    kept = keep_model(tmp_path / "home", "embedder", finished_run(tmp_path / "run"), MADE_FROM)
    assert read_provenance(kept) == MADE_FROM
    assert read_provenance(tmp_path) is None
    (kept / PROVENANCE).write_text('{"base_model": ')
    with pytest.raises(TrainingDataError, match="cannot be read"):
        read_provenance(kept)
