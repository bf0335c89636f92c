"""The embedded generator: llama.cpp in this process, through xllamacpp's prebuilt library."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import xllamacpp

from ingest.errors import GeneratorError, ModelNotFoundError
from service.generate import Message, Piece, Sampling

_SLOTS = 2
_QUIET = -1


class LlamaCppGenerator:
    """A GGUF model with an optional LoRA adapter, decoding up to two answers side by side."""

    def __init__(
        self,
        name: str,
        model_path: Path,
        adapter_path: Path | None,
        languages: frozenset[str],
        threads: int,
        context_tokens: int,
    ) -> None:
        self._name = name
        self._languages = languages
        self._closed = False
        for path in (model_path, adapter_path):
            if path is not None and not path.is_file():
                raise ModelNotFoundError(f"no GGUF file at {path}: check generator.model and the release.")
        self._server = _start(model_path, adapter_path, threads, context_tokens)

    @property
    def name(self) -> str:
        return self._name

    @property
    def languages(self) -> frozenset[str]:
        return self._languages

    @property
    def address(self) -> str:
        """The loopback URL of llama.cpp's own endpoints (``/apply-template``, ``/tokenize``)."""
        return str(self._server.listening_address)

    async def stream(self, messages: Sequence[Message], sampling: Sampling) -> AsyncIterator[Piece]:
        """Yield the answer token by token; leaving early stops the model."""
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[Piece | Exception | None] = asyncio.Queue()
        cancelled = False

        def receive(chunk: Any) -> bool:
            """Take a chunk; returning True stops the model. What is raised in here, the library swallows."""
            try:
                piece = _piece(chunk)
            except GeneratorError as error:
                loop.call_soon_threadsafe(pieces.put_nowait, error)
                return True
            if piece is not None:
                loop.call_soon_threadsafe(pieces.put_nowait, piece)
            return cancelled

        def run() -> None:
            outcome: Exception | None = None
            try:
                self._server.handle_chat_completions(_payload(messages, sampling), receive)
            except Exception as error:  # the library raises bare RuntimeError and ValueError
                outcome = error
            loop.call_soon_threadsafe(pieces.put_nowait, outcome)

        if self._closed:
            raise GeneratorError("the generator is closed: ask again.")
        task = loop.run_in_executor(None, run)
        try:
            while (item := await pieces.get()) is not None:
                if isinstance(item, GeneratorError):
                    raise item
                if isinstance(item, Exception):
                    raise GeneratorError(f"the embedded model failed: {item}.") from item
                yield item
        finally:
            cancelled = True
            await asyncio.shield(task)

    async def aclose(self) -> None:
        """Free the model."""
        self._closed = True
        del self._server


def _start(model_path: Path, adapter_path: Path | None, threads: int, context_tokens: int) -> Any:
    library = cast(Any, xllamacpp)
    parameters = library.CommonParams()
    parameters.model.path = str(model_path)
    parameters.n_ctx = context_tokens * _SLOTS
    parameters.n_parallel = _SLOTS
    parameters.cpuparams.n_threads = threads
    parameters.cpuparams_batch.n_threads = threads
    parameters.verbosity = _QUIET
    parameters.warmup = False
    if adapter_path is not None:
        parameters.lora_adapters = [library.CommonAdapterLoraInfo(str(adapter_path), 1.0)]
    try:
        return library.Server(parameters)
    except Exception as error:  # the library raises bare RuntimeError
        raise GeneratorError(
            f"{model_path.name} cannot be loaded by llama.cpp ({error}): check the file."
        ) from error


def _payload(messages: Sequence[Message], sampling: Sampling) -> dict[str, Any]:
    return {
        "messages": [asdict(message) for message in messages],
        "stream": True,
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "seed": sampling.seed,
        "cache_prompt": True,
    }


def _piece(chunk: Any) -> Piece | None:
    data: dict[str, Any] = json.loads(chunk) if isinstance(chunk, str | bytes) else chunk
    if "error" in data:
        raise GeneratorError(f"the embedded model failed: {data['error'].get('message', data['error'])}.")
    choices: list[dict[str, Any]] = data.get("choices") or []
    text = (choices[0].get("delta") or {}).get("content") or "" if choices else ""
    timings: dict[str, Any] | None = data.get("timings")
    if timings is not None:
        return Piece(
            text, int(timings["prompt_n"]) + int(timings.get("cache_n", 0)), int(timings["predicted_n"])
        )
    return Piece(text) if text else None
