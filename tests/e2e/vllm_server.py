"""A server with a supervised vLLM of its own, and the adapters that it is given."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from safetensors.numpy import save_file

from finetune.training.base_model import find_base_model
from finetune.training.checkpoint import ensure_checkpoint
from ingest.pipeline import ingest_documents
from ingest.settings import Settings
from service.prompt import PROMPT_ID
from service.releases.adapters import Provenance, keep_adapter
from service.releases.release_history import BASE
from tests.small_handbook import small_handbook

ROOT = Path(__file__).parents[2]
PYTHON = Path(os.environ.get("VLLM_PYTHON", ROOT / ".venv-vllm" / "bin" / "python"))
QUESTION = "Which rank is the default for an adapter?"
START_SECONDS = 1500.0
ASK_SECONDS = 300.0
RANK = 8
# Limits of time for a machine that does much else besides; what is promised is measured elsewhere.
VARIABLES = {
    "PYTHONPATH": str(ROOT),
    "TROIKA_COLLECTION": "small",
    "TROIKA_GENERATOR__FIRST_TOKEN_SECONDS": "120",
    "TROIKA_GENERATOR__MAX_TOKENS": "40",
    "TROIKA_VLLM__PYTHON": str(PYTHON),
    "TROIKA_VLLM__START_SECONDS": str(START_SECONDS),
    "TROIKA_VLLM__ARGUMENTS": "--enforce-eager --dtype float32 --max-model-len 4096",
    "VLLM_CPU_KVCACHE_SPACE": "1",
}
_HITS = re.compile(r"^vllm:prefix_cache_hits_total\{.*\} (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Served:
    """The server at ``url``, and vLLM's own address, which nobody else knows."""

    url: str
    home: Path
    process: subprocess.Popen[bytes]
    model: str
    adapters: tuple[str, ...]
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=ASK_SECONDS))

    def ask(self, release: str | None = None) -> dict[str, Any]:
        """The answer of ``release``, None for what is served to all."""
        body = {"question": QUESTION, "cache": False} | ({} if release is None else {"release": release})
        reply = self.client.post(f"{self.url}/v1/query", json=body)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def ask_until(self, seconds: float, *, degraded: bool, release: str = BASE) -> dict[str, Any]:
        """Ask again and again until ``release`` answers, by itself or by quoting the sources."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            answer = self.ask()
            if self.is_degraded(answer) is degraded and answer["release"] == release:
                return answer
            time.sleep(1)
        raise AssertionError(f"no such answer within {seconds:.0f} s: {self._last_words()}")

    @staticmethod
    def is_degraded(answer: dict[str, Any]) -> bool:
        return answer["degraded"] == "generator_unavailable"

    def generator_of(self, release: str) -> str:
        """The name of the model that writes for ``release``."""
        return self.model if release == BASE else release

    def vllm(self) -> int:
        """vLLM's first process, the child of the server; all that it starts is of its session."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        (vllm,) = (pid for pid in map(int, children) if "--served-model-name" in _command(pid))
        return vllm

    def vllm_url(self) -> str:
        command = _command(self.vllm())
        return f"http://127.0.0.1:{command[command.index('--port') + 1]}"

    def loaded(self) -> set[str]:
        """The adapters that vLLM has."""
        models = self.client.get(f"{self.vllm_url()}/v1/models").json()["data"]
        return {model["id"] for model in models if model["parent"] is not None}

    def prefix_hits(self) -> float:
        """The tokens of prompts that vLLM did not have to read again."""
        time.sleep(1)  # its counters follow
        (hits,) = _HITS.findall(self.client.get(f"{self.vllm_url()}/metrics").text)
        return float(hits)

    def _last_words(self) -> str:
        return (self.home / "server.log").read_text(errors="replace")[-2000:]


def _command(pid: int) -> list[str]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    return []


def session_of(leader: int) -> list[int]:
    """The processes that live of the session that ``leader`` began."""
    members: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, _, _, session, *_ = (folder / "stat").read_text().rpartition(") ")[2].split()
            if int(session) == leader and state != "Z":
                members.append(int(folder.name))
    return members


@contextmanager
def running_server(home: Path) -> Iterator[Served]:
    """A server that has just begun to answer: its vLLM still starts. ``home`` holds the embedder."""
    ingest_documents(small_handbook(), "small", Settings(home=home, collection="small"))
    model = ensure_checkpoint(find_base_model("smollm2"), home)
    adapters = tuple(keep_random_adapter(home, seed).name for seed in (0, 1))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "troika", "serve", "--port", str(port), "--generator", "vllm"]
    environment = os.environ | VARIABLES | {"TROIKA_HOME": str(home)}
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--model", str(model)], env=environment, stdout=log, stderr=log, cwd=home
        )
    served = Served(f"http://127.0.0.1:{port}", home, process, model.name, adapters)
    try:
        _wait_for(served)
        yield served
    finally:
        served.client.close()
        process.terminate()
        process.wait(60)


def _wait_for(served: Served) -> None:
    deadline = time.monotonic() + ASK_SECONDS
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            served.client.get(f"{served.url}/healthz")
            return
        time.sleep(0.2)
    raise AssertionError("the server does not answer")


def keep_random_adapter(home: Path, seed: int, base_model: str | None = None) -> Any:
    """Keep an adapter of small random numbers, which changes the model by next to nothing."""
    base = find_base_model("smollm2")
    config = json.loads((ensure_checkpoint(base, home) / "config.json").read_text())
    width, random = config["hidden_size"], np.random.default_rng(seed)
    weights = {
        f"base_model.model.model.layers.{layer}.self_attn.q_proj.lora_{side}.weight": (
            random.standard_normal((RANK, width) if side == "A" else (width, RANK)) * 1e-3
        ).astype(np.float32)
        for layer in range(config["num_hidden_layers"])
        for side in "AB"
    }
    run = home / f"run-{seed}"
    run.mkdir()
    save_file(weights, run / "adapter_model.safetensors")
    shape = {"peft_type": "LORA", "r": RANK, "lora_alpha": RANK, "target_modules": ["q_proj"], "bias": "none"}
    (run / "adapter_config.json").write_text(json.dumps(shape))
    (run / "adapter.gguf").write_bytes(b"not loaded by vLLM")
    provenance = Provenance(base_model or base.fingerprint, PROMPT_ID, "0" * 64)
    return keep_adapter(home, "sft", list(run.iterdir()), provenance)
