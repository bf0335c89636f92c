"""What a training leaves behind: an adapter, or a whole model, written whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from finetune.training.job import MODEL, RunMetrics, writes_files
from finetune.training.run_log import RunLog, write_log
from ingest.snapshots.durable import replace_text, sync_tree
from service.releases.adapters import CONFIG
from service.releases.release import WEIGHTS


def save_adapter(trainer: Any, output: Path, base_fingerprint: str, log: RunLog) -> RunMetrics:
    """Write the adapter that ``trainer`` trained as ``write_adapter`` does.

    What several processes hold is gathered, so each of them must call this.
    """
    weights = trainer.accelerator.get_state_dict(trainer.model)
    model = trainer.accelerator.unwrap_model(trainer.model)
    return write_adapter(model, weights, output, base_fingerprint, log)


def write_adapter(
    model: Any, weights: Mapping[str, torch.Tensor], output: Path, base_fingerprint: str, log: RunLog
) -> RunMetrics:
    """Write the adapter and its loss curve; the base is named by its fingerprint, not by a path.

    The configuration comes last: without it there is no adapter in ``output``.

    Args:
        weights: all weights of ``model``, which may hold but a part of them itself.
    """
    if not writes_files():
        return log.metrics()
    staged = _staged(output)
    model.save_pretrained(staged, state_dict=weights, selected_adapters=["default"])
    config: dict[str, Any] = json.loads((staged / CONFIG).read_text("utf-8"))
    config["base_model_name_or_path"] = base_fingerprint
    replace_text(staged / CONFIG, json.dumps(config, indent=2, sort_keys=True))
    sync_tree(staged)
    for name in (WEIGHTS, CONFIG):
        os.replace(staged / name, output / name)
    shutil.rmtree(staged)
    return write_log(output, log)


def save_model(trainer: Any, output: Path, log: RunLog) -> RunMetrics:
    """Write all weights with their configuration and tokenizer into the folder ``model``, and the loss curve.

    What several processes hold is gathered, so each of them must call this.
    """
    weights = trainer.accelerator.get_state_dict(trainer.model)
    if not writes_files():
        return log.metrics()
    staged = _staged(output)
    trainer.accelerator.unwrap_model(trainer.model).save_pretrained(staged, state_dict=weights)
    trainer.processing_class.save_pretrained(staged)
    sync_tree(staged)
    shutil.rmtree(output / MODEL, ignore_errors=True)
    os.replace(staged, output / MODEL)
    return write_log(output, log)


def _staged(output: Path) -> Path:
    staged = output / ".staged"
    shutil.rmtree(staged, ignore_errors=True)
    return staged
