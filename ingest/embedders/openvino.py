"""Embed on a CPU through OpenVINO: the model is exported once from its own weights, then kept.

The export holds the encoder, the pooling and the normalisation. PyTorch is needed for the export alone;
a process that finds the export imports neither it nor transformers.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import numpy as np

from ingest.embed import EmbedderSpec, Matrix, TokenCounter, Vector
from ingest.embedders.model_files import local_model_directory
from ingest.embedders.openvino_runtime import ov
from ingest.embedders.tokenizer import ModelTokenizer
from ingest.errors import IncompatibleSnapshotError

_EXPORT_NAME = "model.xml"


class OpenVinoEmbedder:
    """An encoder compiled for this CPU, on ``threads`` threads that wait without spinning."""

    def __init__(
        self, spec: EmbedderSpec, tokenizer: ModelTokenizer, model: ov.Model, threads: int, batch_size: int
    ) -> None:
        self._spec = spec
        self._tokenizer = tokenizer
        self._batch_size = batch_size
        # An ingest cuts documents while this goes on, and one without new text never waits for it.
        compiling = ThreadPoolExecutor(1, "compile")
        self._compiled = compiling.submit(_compile, model, threads)
        compiling.shutdown(wait=False)
        self._query_request: Any = None
        self._query_lock = threading.Lock()
        self._passage_request: Any = None

    @classmethod
    def open(
        cls, spec: EmbedderSpec, models_directory: Path, threads: int, batch_size: int
    ) -> OpenVinoEmbedder:
        """Load the export of ``spec``'s model, making it first if this home has none."""
        source = local_model_directory(spec.model)
        export = models_directory / f"embedder-{spec.fingerprint}" / _EXPORT_NAME
        if not export.is_file():
            from ingest.embedders.openvino_export import export_encoder

            export_encoder(source, spec.pooling, export)
        model: ov.Model = cast("Any", ov.Core()).read_model(export)
        dimension = int(cast("Any", model).output(0).partial_shape[1].get_length())
        if dimension != spec.dimension:
            raise IncompatibleSnapshotError(
                f"{spec.model} gives vectors of {dimension} dimensions where {spec.dimension} are recorded: "
                "use the model that the collection was built with."
            )
        return cls(spec, ModelTokenizer(source), model, threads, batch_size)

    @property
    def spec(self) -> EmbedderSpec:
        return self._spec

    @property
    def tokens(self) -> TokenCounter:
        return self._tokenizer

    @property
    def special_tokens(self) -> int:
        return self._tokenizer.special_tokens

    def embed_query(self, text: str) -> Vector:
        """Unit vector of a question; shape (dimension,), float32."""
        ids = self._tokenizer.encode_batch([self._spec.query_prefix + text], self._spec.window)
        with self._query_lock:  # a request serves one caller at a time and refuses a second
            if self._query_request is None:
                self._query_request = self._compiled.result().create_infer_request()
            return _infer(self._query_request, ids)[0]

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        """Unit vectors; shape (len(texts), dimension), float32. Batches hold texts of like length."""
        if self._passage_request is None:
            self._passage_request = self._compiled.result().create_infer_request()
        prefix = self._spec.passage_prefix
        ids = self._tokenizer.encode_batch([prefix + text for text in texts], self._spec.window)
        order = sorted(range(len(ids)), key=lambda index: len(ids[index]))
        vectors = np.empty((len(ids), self._spec.dimension), dtype=np.float32)
        for start in range(0, len(order), self._batch_size):
            batch = order[start : start + self._batch_size]
            vectors[batch] = _infer(self._passage_request, [ids[index] for index in batch])
        return vectors


def _compile(model: ov.Model, threads: int) -> Any:
    core = cast("Any", ov.Core())
    has_bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return core.compile_model(
        model,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": "bf16" if has_bf16 else "f32",
            "INFERENCE_NUM_THREADS": min(threads, os.cpu_count() or 1),
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
        },
    )


def _infer(request: Any, ids: list[list[int]]) -> Matrix:
    longest = max(len(row) for row in ids)
    tokens = np.zeros((len(ids), longest), dtype=np.int64)
    mask = np.zeros((len(ids), longest), dtype=np.int64)
    for row, values in enumerate(ids):
        tokens[row, : len(values)] = values
        mask[row, : len(values)] = 1
    outputs = request.infer({"input_ids": tokens, "attention_mask": mask})
    return np.array(outputs[0], dtype=np.float32)
