"""The embedded generator: llama.cpp in this process, through xllamacpp's prebuilt library."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import httpx
import xllamacpp  # pyright: ignore[reportMissingTypeStubs]

from ingest.errors import GeneratorError, GeneratorRefusedError, ModelNotFoundError
from service.generate import Message, Piece, Sampling

_SLOTS = 2
_QUIET = -1
_SEEDS = 2**31  # the largest of 32 bits stands for a random one
_TOKENIZE_SECONDS = 10.0


class LlamaCppGenerator:
    """A GGUF model with an optional LoRA adapter, decoding up to two answers side by side.

    Each answer occupies a thread of the generator's own, so further questions queue here and not in front
    of whatever else the process does in threads. It may be used from several event loops.
    """

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
        self._first_tokens: dict[str, int] = {}
        for path in (model_path, adapter_path):
            if path is not None and not path.is_file():
                raise ModelNotFoundError(f"no GGUF file at {path}: check generator.model and the release.")
        self._server: Any = _start(model_path, adapter_path, threads, context_tokens)
        self._workers = ThreadPoolExecutor(_SLOTS, thread_name_prefix="llama-cpp")

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

    async def stream(self, messages: Sequence[Message], sampling: Sampling) -> AsyncGenerator[Piece]:
        """Yield the answer token by token; closing early stops the model at its next token.

        Raises:
            GeneratorError: the prompt does not fit the context, or the model failed or was closed.
        """
        if self._closed:
            raise GeneratorError("the generator is closed: ask again.")
        run = _Run(asyncio.get_running_loop(), lambda: self._closed)
        job = self._workers.submit(self._work, run, messages, sampling)
        job.add_done_callback(run.end)
        try:
            while (piece := await run.next()) is not None:
                yield piece
        finally:
            run.stop()
            job.cancel()  # if it still waits for a slot; else the model stops when it next calls back

    async def aclose(self) -> None:
        """Stop what is being written and free the model."""
        self._closed = True
        await asyncio.to_thread(self._free)

    def _work(self, run: _Run, messages: Sequence[Message], sampling: Sampling) -> None:
        """Decode the whole answer; runs in a thread."""
        payload = _payload(messages, sampling)
        if sampling.less_likely:
            payload["logit_bias"] = [
                [self._first_token(text), -logits] for text, logits in sampling.less_likely
            ]
        run.work(self._server, payload)

    def _first_token(self, text: str) -> int:
        # Given a text, llama.cpp would take the logits from all of its tokens.
        if text not in self._first_tokens:
            with httpx.Client(base_url=self.address, trust_env=False, timeout=_TOKENIZE_SECONDS) as client:
                response = client.post("/tokenize", json={"content": text, "add_special": False})
            self._first_tokens[text] = response.raise_for_status().json()["tokens"][0]
        return self._first_tokens[text]

    def _free(self) -> None:
        self._workers.shutdown(wait=True, cancel_futures=True)
        self._server = None


class _Run:
    """One answer on its way from the thread that decodes it to the event loop that reads it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, is_closed: Callable[[], bool]) -> None:
        self._loop = loop
        self._is_closed = is_closed
        self._pieces: asyncio.Queue[Piece | GeneratorError | None] = asyncio.Queue()
        self._stopped = False
        self._failure: GeneratorError | None = None

    async def next(self) -> Piece | None:
        """The next piece; None after the last."""
        item = await self._pieces.get()
        if isinstance(item, GeneratorError):
            raise item
        return item

    def stop(self) -> None:
        """Have the model stop at its next token."""
        self._stopped = True

    def work(self, server: Any, payload: dict[str, Any]) -> None:
        """Decode the whole answer; runs in a thread."""
        if not self._stopped:
            server.handle_chat_completions(payload, self._receive)
        if self._is_closed():
            self._failure = GeneratorError("the generator was closed while it answered: ask again.")

    def end(self, job: Future[None]) -> None:
        """Tell the reader that nothing more comes, and why."""
        if job.cancelled():
            self._post(GeneratorError("the generator was closed before it answered: ask again."))
        elif (error := job.exception()) is not None:  # the library raises bare RuntimeError and ValueError
            self._post(_failed(error))
        else:
            self._post(self._failure)

    def _receive(self, chunk: Any) -> bool:
        """Take a chunk; returning True stops the model. What is raised in here, the library swallows."""
        try:
            piece = _piece(chunk)
            if piece is not None:
                self._post(piece)
        except GeneratorError as error:
            self._failure = error
        except Exception as error:
            self._failure = _failed(error)
        return self._stopped or self._failure is not None or self._is_closed()

    def _post(self, item: Piece | GeneratorError | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._pieces.put_nowait, item)
        except RuntimeError:  # the loop is gone, and the reader with it
            self._stopped = True


def _start(model_path: Path, adapter_path: Path | None, threads: int, context_tokens: int) -> Any:
    library = cast("Any", xllamacpp)
    parameters = library.CommonParams()
    parameters.model.path = str(model_path)
    parameters.n_ctx = context_tokens * _SLOTS
    parameters.n_parallel = _SLOTS
    parameters.cpuparams.n_threads = threads
    parameters.cpuparams_batch.n_threads = threads
    parameters.verbosity = _QUIET
    parameters.warmup = False
    # Its default keeps the state of every prompt seen, up to 8 GiB; each slot keeps its last one anyway.
    parameters.cache_ram_mib = 0
    # Its port is open to every process of this machine, and these would show it the questions.
    parameters.endpoint_slots = False
    parameters.ui = False
    if adapter_path is not None:
        parameters.lora_adapters = [library.CommonAdapterLoraInfo(str(adapter_path), 1.0)]
    try:
        return library.Server(parameters)
    except Exception as error:  # the library raises bare RuntimeError
        raise GeneratorError(
            f"{model_path.name} cannot be loaded by llama.cpp ({error}): check the file."
        ) from error


def _payload(messages: Sequence[Message], sampling: Sampling) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "messages": [asdict(message) for message in messages],
        "stream": True,
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "seed": sampling.seed % _SEEDS,
        "stop": list(sampling.stop),
        "cache_prompt": True,
        "timings_per_token": True,  # so that the counts are known when the answer is cut short
    }
    if sampling.top_p is not None:
        payload["top_p"] = sampling.top_p
    if sampling.json_schema is not None:
        schema = json.loads(sampling.json_schema)
        payload["response_format"] = {"type": "json_schema", "json_schema": {"schema": schema}}
    return payload


def _piece(chunk: Any) -> Piece | None:
    data: dict[str, Any] = json.loads(chunk) if isinstance(chunk, str | bytes) else chunk
    if "error" in data:
        raise GeneratorError(f"the embedded model failed: {data['error'].get('message', data['error'])}.")
    choices: list[dict[str, Any]] = data.get("choices") or []
    choice = choices[0] if choices else {}
    delta: dict[str, Any] = choice.get("delta") or {}
    text: str = delta.get("content") or ""
    truncated = choice.get("finish_reason") == "length"
    timings: dict[str, Any] | None = data.get("timings")
    if timings is not None:
        read = int(timings["prompt_n"]) + int(timings.get("cache_n", 0))
        return Piece(text, read, int(timings["predicted_n"]), truncated)
    return Piece(text, truncated=truncated) if text or truncated else None


def _failed(error: BaseException) -> GeneratorError:
    # The library raises ValueError for what is wrong with a request, such as a schema that it cannot read.
    kind = GeneratorRefusedError if isinstance(error, ValueError) else GeneratorError
    failure = kind(f"the embedded model failed: {error}.")
    failure.__cause__ = error
    return failure
