"""A cross-encoder that was exported to OpenVINO or ONNX, on a CPU: no PyTorch is loaded."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from ingest.embedders.openvino_runtime import ov
from ingest.errors import RerankerError, SettingsError

_EXPORTS = ("openvino/openvino_model.xml", "openvino_model.xml", "onnx/model.onnx", "model.onnx")
_WINDOW = 512
_BATCH = 16


@dataclass(frozen=True, slots=True)
class Export:
    """The folder of a model, and the exported graph in it."""

    directory: Path
    graph: Path


def exported_model(model: str) -> Export | None:
    """The export in the folder ``model``, under the names that sentence-transformers gives; None without."""
    directory = Path(model)
    if not (directory / "tokenizer.json").is_file():
        return None
    graph = next((path for name in _EXPORTS if (path := directory / name).is_file()), None)
    return None if graph is None else Export(directory, graph)


class ExportedCrossEncoder:
    """A graph from token ids to one logit for each pair, compiled for this CPU."""

    def __init__(self, export: Export, threads: int) -> None:
        """
        Raises:
            SettingsError: the graph cannot be read, or gives more than one score for a pair.
        """
        config = json.loads((export.directory / "config.json").read_text("utf-8"))
        self._tokenizer = _pair_tokenizer(export.directory, config)
        try:
            core = cast("Any", ov.Core())
            options = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
            compiled = core.compile_model(core.read_model(export.graph), "CPU", options)
        except RuntimeError as error:
            raise SettingsError(
                f"the exported reranking model {export.graph} cannot be read ({error}): export it anew."
            ) from error
        shape = compiled.output(0).partial_shape
        if shape.rank.get_length() != 2 or shape[1].is_dynamic or shape[1].get_length() != 1:
            raise SettingsError(
                f"the exported model {export.graph} gives scores of shape {shape} where one for each pair is "
                "expected: choose a model made for reranking."
            )
        self._inputs = {name for port in compiled.inputs for name in port.get_names()}
        self._request = compiled.create_infer_request()
        self._lock = threading.Lock()  # a request serves one caller at a time

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Logits of shape (len(passages),), float32.

        Raises:
            RerankerError: the model failed.
        """
        try:
            with self._lock:
                parts = [
                    self._infer(query, passages[start : start + _BATCH])
                    for start in range(0, len(passages), _BATCH)
                ]
        except RuntimeError as error:
            raise RerankerError(f"the reranking model failed ({error}): check rerank.model.") from error
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)

    def _infer(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        encodings = self._tokenizer.encode_batch([(query, passage) for passage in passages])
        named = {
            "input_ids": [encoding.ids for encoding in encodings],
            "attention_mask": [encoding.attention_mask for encoding in encodings],
            "token_type_ids": [encoding.type_ids for encoding in encodings],
        }
        given = {name: np.array(rows, dtype=np.int64) for name, rows in named.items() if name in self._inputs}
        outputs = self._request.infer(given)
        return np.array(outputs[0], dtype=np.float32).reshape(-1)


def _pair_tokenizer(directory: Path, config: dict[str, Any]) -> Tokenizer:
    """The model's tokenizer, which pads a batch and cuts the passage of a pair that is too long."""
    tokenizer = cast("Any", Tokenizer.from_file(str(directory / "tokenizer.json")))
    window = min(_WINDOW, int(config.get("max_position_embeddings", _WINDOW)))
    tokenizer.enable_truncation(window, strategy="longest_first")
    pad = int(config.get("pad_token_id") or 0)
    tokenizer.enable_padding(pad_id=pad, pad_token=tokenizer.id_to_token(pad) or "[PAD]")
    return tokenizer
