"""Embed on a CPU through OpenVINO: the model is exported once from its own weights, then kept.

The export holds the encoder, the pooling and the normalisation. PyTorch is needed for the export alone;
a process that finds the export imports neither it nor transformers.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ingest.embed import EmbedderSpec, Matrix, TokenCounter, Vector
from ingest.embedders.model_files import local_model_directory
from ingest.embedders.openvino_runtime import ov
from ingest.embedders.question_batches import QuestionBatches, Tokens
from ingest.embedders.tokenizer import ModelTokenizer
from ingest.errors import IncompatibleSnapshotError

_EXPORT_NAME = "model.xml"


class OpenVinoEmbedder:
    """An encoder compiled for this CPU, which embeds on ``threads`` threads side by side.

    Each takes a question or a batch of its own: two threads for the same one cost a third more processor
    time.
    """

    def __init__(
        self, spec: EmbedderSpec, tokenizer: ModelTokenizer, export: Path, threads: int, batch_size: int
    ) -> None:
        self._spec = spec
        self._tokenizer = tokenizer
        self._batch_size = batch_size
        # An ingest cuts documents while this goes on, and one without new text never waits for it.
        compiling = ThreadPoolExecutor(1, "compile")
        self._encoders = compiling.submit(_Encoders, export, min(threads, os.cpu_count() or 1))
        compiling.shutdown(wait=False)

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
        return cls(spec, ModelTokenizer(source), export, threads, batch_size)

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
        [ids] = self._tokenizer.encode_batch([self._spec.query_prefix + text], self._spec.window)
        return self._encoders.result().questions.embed(ids)

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        """Unit vectors; shape (len(texts), dimension), float32. Batches hold texts of like length."""
        prefix = self._spec.passage_prefix
        ids = self._tokenizer.encode_batch([prefix + text for text in texts], self._spec.window)
        order = sorted(range(len(ids)), key=lambda index: len(ids[index]))
        vectors = np.empty((len(ids), self._spec.dimension), dtype=np.float32)
        starts = range(0, len(order), self._batch_size)
        batches = (order[start : start + self._batch_size] for start in starts)
        self._encoders.result().encode_into(vectors, ids, batches)
        return vectors


class _Encoders:
    """The compiled model, ``count`` times on one thread each; its weights are there once."""

    def __init__(self, export: Path, count: int) -> None:
        core = cast("Any", ov.Core())
        has_bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        compiled = core.compile_model(
            export,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": "bf16" if has_bf16 else "f32",
                "INFERENCE_NUM_THREADS": count,
                "NUM_STREAMS": count,
                # Compiled once: what is kept beside the export has no weights, and is less than a megabyte.
                "CACHE_DIR": str(export.parent),
                "CACHE_MODE": "OPTIMIZE_SIZE",
            },
        )
        requests = [compiled.create_infer_request() for _ in range(count)]
        self.questions = QuestionBatches([partial(_encode, request) for request in requests])
        self._passages: Any = cast("Any", ov).AsyncInferQueue(compiled, count)
        self._lock = Lock()

    def encode_into(self, vectors: Matrix, texts: Sequence[Tokens], batches: Iterable[Sequence[int]]) -> None:
        """Write the vectors of the texts in each batch into its rows; of several callers one goes on."""

        def keep(request: Any, rows: Sequence[int]) -> None:
            vectors[rows] = request.get_output_tensor(0).data

        with self._lock:
            self._passages.set_callback(keep)
            for rows in batches:
                self._passages.start_async(_inputs([texts[row] for row in rows]), rows)
            self._passages.wait_all()


def _encode(request: Any, texts: Sequence[Tokens]) -> Matrix:
    return request.infer(_inputs(texts))[0]


def _inputs(texts: Sequence[Tokens]) -> dict[str, NDArray[np.int64]]:
    longest = max(map(len, texts))
    tokens = np.zeros((len(texts), longest), dtype=np.int64)
    mask = np.zeros((len(texts), longest), dtype=np.int64)
    for row, values in enumerate(texts):
        tokens[row, : len(values)] = values
        mask[row, : len(values)] = 1
    return {"input_ids": tokens, "attention_mask": mask}
