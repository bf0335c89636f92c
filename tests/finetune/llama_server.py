"""llama.cpp's own server in this process, for comparing what it computes with what training computes."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import httpx

from service.generate import Message


@contextmanager
def llama_server(base: Path, adapter: Path | None = None) -> Generator[httpx.Client]:
    """Serve the GGUF ``base``, with a GGUF adapter when there is one."""
    import xllamacpp  # pyright: ignore[reportMissingTypeStubs]

    library = cast("Any", xllamacpp)
    parameters = library.CommonParams()
    parameters.model.path = str(base)
    parameters.n_ctx, parameters.n_parallel, parameters.verbosity, parameters.warmup = 1024, 1, -1, False
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    if adapter is not None:
        parameters.lora_adapters = [library.CommonAdapterLoraInfo(str(adapter), 1.0)]
    server = library.Server(parameters)
    with httpx.Client(base_url=server.listening_address, timeout=60) as client:
        yield client
    del server


def served_prompt_ids(client: httpx.Client, messages: Sequence[Message]) -> list[int]:
    """The ids that the server computes for ``messages``, before it begins to write."""
    turns = [asdict(message) for message in messages]
    prompt = client.post("/apply-template", json={"messages": turns}).raise_for_status().json()["prompt"]
    body = {"content": prompt, "add_special": True, "parse_special": True}
    return client.post("/tokenize", json=body).raise_for_status().json()["tokens"]
