"""Trainings in processes of their own: Troika's by its command line, and TRL's by a script."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eval.bench.child_process import run_child
from eval.bench.machine import this_machine
from eval.bench.peers.trl_task import TrainingTask, TrlRun
from ingest.errors import TroikaError

_TRL = "eval.bench.peers.trl_process"
_PEAK = "eval.bench.matmul_peak"
# TRL's defaults, so that both take the same steps.
_SAME_STEPS = (
    "train.num_train_epochs=1",
    "train.per_device_train_batch_size=2",
    "train.gradient_accumulation_steps=4",
    "train.lr_scheduler_type=linear",
    "train.warmup_ratio=0",
)
_PLAIN_DPO = ("dpo.loss_type=['sigmoid']", "dpo.loss_weights=[1.0]", "dpo.length_probes=0")


@dataclass(frozen=True, slots=True)
class Training:
    """How one pass over the rows went for ``who``. ``tokens`` counts prompts and answers, without padding.

    ``computed_tokens`` are fewer where a beginning that rows share is run once. ``seconds`` are of the
    training alone, ``loss`` is the mean of its steps.
    """

    who: str
    tokens: int
    steps: int
    seconds: float
    loss: float
    peak_memory_mb: float
    computed_tokens: int

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds


@dataclass(frozen=True, slots=True)
class OwnTraining:
    """A training by Troika: also its folder, which holds the adapter."""

    training: Training
    folder: Path


def train_own(home: Path, task: TrainingTask) -> OwnTraining:
    """Do what ``task`` says by ``troika finetune`` on the embedded model.

    Raises:
        TroikaError: the command failed.
    """
    settings = [
        *_SAME_STEPS,
        *(_PLAIN_DPO if task.method == "dpo" else ()),
        f"train.learning_rate={task.learning_rate}",
        f"train.seed={task.seed}",
        f"lora.r={task.rank}",
        f"lora.lora_alpha={task.lora_alpha}",
    ]
    command = [sys.executable, "-m", "troika", "finetune", task.method, "--data", task.rows, "--json"]
    environment = os.environ | {"TROIKA_HOME": str(home)}
    ran = subprocess.run([*command, *settings], env=environment, capture_output=True, text=True, check=False)
    if ran.returncode:
        said = ran.stderr.strip().splitlines()
        raise TroikaError(
            f"troika finetune ended with code {ran.returncode}: {said[-1] if said else 'no word'}"
        )
    run: dict[str, Any] = json.loads(ran.stdout)
    metrics, folder = run["metrics"], Path(run["folder"])
    losses = [entry["loss"] for entry in json.loads((folder / "metrics.json").read_text("utf-8"))["curve"]]
    training = Training(
        who="troika",
        tokens=metrics["tokens"],
        steps=metrics["steps"],
        seconds=metrics["seconds"],
        loss=sum(losses) / len(losses),
        peak_memory_mb=metrics["peak_memory_mb"],
        computed_tokens=metrics["computed_tokens"],
    )
    return OwnTraining(training, folder)


def train_with_trl(checkpoint: Path, task: TrainingTask, tokens: int) -> Training:
    """Do what ``task`` says with plain TRL on the model in ``checkpoint``, to rows of ``tokens`` in all."""
    arguments = (str(checkpoint), json.dumps(asdict(task)))
    line = run_child(Path(sys.executable), _TRL, *arguments, threads=this_machine().cores)
    run = TrlRun(**json.loads(line))
    who = "TRL, its defaults" if run.bf16 else "TRL, its defaults, in float32"
    return Training(who, tokens, run.steps, run.seconds, run.loss, run.peak_memory_mb, tokens)


def measure_matmul(rows: int, inner: int, columns: int) -> float:
    """The most float32 operations per second of such a product on all cores."""
    shape = map(str, (rows, inner, columns))
    return float(run_child(Path(sys.executable), _PEAK, *shape, threads=this_machine().cores))
