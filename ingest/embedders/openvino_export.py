"""Export an encoder with its pooling to OpenVINO. The only part of the CPU path that needs PyTorch."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any, cast

import torch
from transformers import AutoModel
from transformers.utils import logging as transformers_logging

from ingest.embed import Pooling
from ingest.embedders.openvino_runtime import convert_model, ov
from ingest.errors import SettingsError
from ingest.snapshots.durable import sync_tree


class _PooledEncoder(torch.nn.Module):
    """Token ids and mask, both int64 of shape (batch, length), to unit vectors (batch, dimension)."""

    def __init__(self, encoder: torch.nn.Module, pooling: Pooling) -> None:
        super().__init__()
        self.encoder = encoder
        self.pooling = pooling

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        if self.pooling is Pooling.CLS:
            pooled = states[:, 0]
        else:
            weights = attention_mask.unsqueeze(-1).to(states.dtype)
            pooled = (states * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1e-9)
        return torch.nn.functional.normalize(pooled, dim=-1)


def export_encoder(source: Path, pooling: Pooling, target: Path) -> None:
    """Write the encoder in ``source`` to ``target`` (an .xml beside its .bin), whole or not at all.

    Raises:
        SettingsError: the pooling needs the last token, which this export does not offer.
    """
    if pooling is Pooling.LAST_TOKEN:
        raise SettingsError(
            "embedder.backend is openvino and the model pools its last token: "
            "use backend sentence-transformers for it."
        )
    target.parent.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".export-", dir=target.parent.parent))
    try:
        transformers_logging.disable_progress_bar()
        transformers_logging.set_verbosity_error()
        encoder = cast("Any", AutoModel).from_pretrained(
            source, local_files_only=True, dtype=torch.float32, attn_implementation="eager"
        )
        example = torch.ones((2, 16), dtype=torch.int64)
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            model = convert_model()(
                _PooledEncoder(encoder, pooling).eval(),
                example_input={"input_ids": example, "attention_mask": example},
            )
        cast("Any", ov).save_model(model, staging / target.name, compress_to_fp16=False)
        sync_tree(staging)
        try:
            staging.rename(target.parent)
        except OSError:
            if not target.is_file():  # else another process was quicker, with the same result
                raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)
