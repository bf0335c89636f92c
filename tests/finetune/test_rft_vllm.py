"""Rejection sampling from a real vLLM that it starts and stops itself.

Needs vLLM's own environment (`make vllm-env`, or ``VLLM_PYTHON``); takes minutes on a CPU.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("trl")

from finetune.data.row_files import read_examples, write_rows
from finetune.data.rows import ExampleKind, TrainingExample
from finetune.rft import run_rft
from finetune.settings.rft import RftConfig
from finetune.settings.train_config import read_config
from ingest.settings import load_settings
from service.generate import Message
from service.prompt import PROMPT_ID
from service.releases.adapters import list_adapters
from tests.finetune.conftest import TinyBase

PYTHON = Path(os.environ.get("VLLM_PYTHON", Path(__file__).parents[2] / ".venv-vllm" / "bin" / "python"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON.is_file(), reason="needs vLLM's environment: make vllm-env"),
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning"),
]

ASKED = (
    Message("system", "Answer with the words of the source, and cite it as [1]."),
    Message("user", "[1] The bridge was built in 1976.\n\nQuestion: When was the bridge built?"),
)


def question(number: int) -> TrainingExample:
    return TrainingExample(
        str(number),
        ASKED,
        ("The bridge was built in 1976.",),
        "In 1976 [1].",
        ExampleKind.GOLD,
        "en",
        PROMPT_ID,
        None,
        "d",
        answers=("1976", "in 1976"),
    )


def test_what_vllm_wrote_and_rules_verified_is_learned(smollm2: TinyBase, tmp_path: Path) -> None:
    data = tmp_path / "qa.jsonl"
    write_rows(data, [question(number) for number in range(2)])
    few = ["rft.samples=8", "rft.least_f1=0.3", "rft.max_new_tokens=24"]
    few += ["train.max_steps=1", "train.gradient_accumulation_steps=1"]
    config = read_config(RftConfig, "rft", None, few)
    settings = load_settings(
        {
            "home": str(smollm2.home),
            "generator.kind": "vllm",
            "generator.model": str(smollm2.folder),
            "vllm.python": str(PYTHON),
            "vllm.arguments": "--dtype float32 --enforce-eager --max-model-len 1024",
        }
    )
    (done,) = run_rft(settings, config, data, "base")
    assert done.sampled_from == "base"
    assert 0 < done.right_share <= 1
    assert all("1976" in row.target for row in read_examples(done.data))
    assert done.adapter in {adapter.name for adapter in list_adapters(smollm2.home)}
