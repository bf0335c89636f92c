"""A real vLLM behind a real server: it writes answers and takes up an adapter, and is killed and comes back.

Needs vLLM's own environment (`make vllm-env`, or ``VLLM_PYTHON``); takes minutes on a CPU.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from safetensors.numpy import save_file

from finetune.training.base_model import find_base_model
from finetune.training.checkpoint import ensure_checkpoint
from ingest.pipeline import ingest_documents
from ingest.settings import Settings
from service.adapters import Provenance, keep_adapter, promote, rollback
from service.prompt import PROMPT_ID
from service.release_history import BASE
from tests.small_handbook import small_handbook

ROOT = Path(__file__).parents[2]
PYTHON = Path(os.environ.get("VLLM_PYTHON", ROOT / ".venv-vllm" / "bin" / "python"))
QUESTION = "Which rank is the default for an adapter?"
START_SECONDS = 600.0
RECOVERY_SECONDS = 300.0
ADAPTER_SECONDS = 60.0
RANK = 8

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON.is_file(), reason="needs vLLM's environment: make vllm-env"),
]


@dataclass(frozen=True)
class Served:
    """A server with a vLLM of its own."""

    url: str
    home: Path
    process: subprocess.Popen[bytes]
    log: Path
    model: str
    adapter: str

    def ask(self) -> dict[str, Any]:
        reply = httpx.post(f"{self.url}/v1/query", json={"question": QUESTION, "cache": False}, timeout=120)
        assert reply.status_code == 200
        return reply.json()

    def ask_until(self, seconds: float, *, degraded: bool, release: str = BASE) -> dict[str, Any]:
        """Ask again and again until ``release`` answers, by itself or by quoting the sources."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            answer = self.ask()
            is_degraded = answer["degraded"] == "generator_unavailable"
            if is_degraded is degraded and answer["release"] == release:
                return answer
            time.sleep(1)
        pytest.fail(f"no such answer: {self.log.read_text(errors='replace')[-2000:]}")

    def vllm_processes(self) -> list[int]:
        """vLLM's first process, the child of the server."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [pid for pid in map(int, children) if b"vllm" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, shared_models: Path) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("vllm-home")
    (home / "models").symlink_to(shared_models)
    ingest_documents(small_handbook(), "small", Settings(home=home, collection="small"))
    model = ensure_checkpoint(find_base_model("smollm2"), home)
    adapter = keep_random_adapter(home, model)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TROIKA_HOME": str(home),
        "TROIKA_COLLECTION": "small",
        "TROIKA_VLLM__PYTHON": str(PYTHON),
        "TROIKA_VLLM__ARGUMENTS": "--enforce-eager --dtype float32 --max-model-len 4096",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "0-1",
    }
    command = [sys.executable, "-m", "troika", "serve", "--port", str(port), "--generator", "vllm"]
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--model", str(model)], env=environment, stdout=log, stderr=log, cwd=home
        )
    served = Served(f"http://127.0.0.1:{port}", home, process, home / "server.log", model.name, adapter)
    try:
        _wait_for(served.url)
        yield served
    finally:
        process.terminate()
        process.wait(60)


def keep_random_adapter(home: Path, model: Path) -> str:
    """Keep an adapter of small random numbers, which changes the model by next to nothing."""
    config = json.loads((model / "config.json").read_text())
    width, random = config["hidden_size"], np.random.default_rng(0)
    weights = {
        f"base_model.model.model.layers.{layer}.self_attn.q_proj.lora_{side}.weight": (
            random.standard_normal((RANK, width) if side == "A" else (width, RANK)) * 1e-3
        ).astype(np.float32)
        for layer in range(config["num_hidden_layers"])
        for side in "AB"
    }
    run = home / "run"
    run.mkdir()
    save_file(weights, run / "adapter_model.safetensors")
    settings = {
        "peft_type": "LORA",
        "r": RANK,
        "lora_alpha": RANK,
        "target_modules": ["q_proj"],
        "bias": "none",
    }
    (run / "adapter_config.json").write_text(json.dumps(settings))
    (run / "adapter.gguf").write_bytes(b"not loaded by vLLM")
    provenance = Provenance(find_base_model("smollm2").fingerprint, PROMPT_ID, "0" * 64)
    return keep_adapter(home, "sft", list(run.iterdir()), provenance).name


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{url}/healthz", timeout=5)
            return
        except httpx.TransportError:
            time.sleep(0.2)
    pytest.fail("the server does not answer")


def test_answers_are_quoted_while_it_is_down_and_an_adapter_joins_leaves_and_survives_its_death(
    served: Served,
) -> None:
    assert served.ask()["degraded"] == "generator_unavailable"
    written = served.ask_until(START_SECONDS, degraded=False)
    assert written["generator"] == served.model
    assert written["usage"]["completion_tokens"] > 0
    promote(served.home, served.adapter)
    adapted = served.ask_until(ADAPTER_SECONDS, degraded=False, release=served.adapter)
    assert adapted["generator"] == served.adapter
    (vllm,) = served.vllm_processes()
    os.kill(vllm, signal.SIGKILL)
    quoted = served.ask_until(30, degraded=True, release=served.adapter)
    assert quoted["citations"]
    served.ask_until(RECOVERY_SECONDS, degraded=False, release=served.adapter)
    assert served.vllm_processes() != [vllm]
    rollback(served.home)
    served.ask_until(ADAPTER_SECONDS, degraded=False)


def test_it_ends_with_the_server(served: Served) -> None:
    vllm_processes = served.vllm_processes()
    served.process.terminate()
    assert served.process.wait(60) in (0, -signal.SIGTERM)
    for pid in vllm_processes:
        assert not Path(f"/proc/{pid}").exists()
