"""The forms of an adapter in a real vLLM.

Needs vLLM's own environment (`make vllm-env`, or ``VLLM_PYTHON``); takes minutes on a CPU.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("peft")
pytest.importorskip("xllamacpp")

from finetune.parity.measure import ParityRequest, measure_parity
from finetune.training.base_model import find_base_model
from tests.finetune.finished_run import finished_run

PYTHON = Path(os.environ.get("VLLM_PYTHON", Path(__file__).parents[3] / ".venv-vllm" / "bin" / "python"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON.is_file(), reason="needs vLLM's environment: make vllm-env"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


def test_vllm_serves_the_adapter_that_was_trained_and_the_model_it_is_merged_into(
    home: Path, tmp_path: Path
) -> None:
    base = find_base_model("smollm2")
    run = finished_run(home, tmp_path / "run", base, std=0.02, r=16, lora_alpha=32)
    report = measure_parity(home, run, ParityRequest(3, None, PYTHON, 2), lambda _form: None)
    in_vllm = [form for form in report.forms if form.form.endswith("in vLLM")]
    assert len(in_vllm) == 2
    assert all(form.passed for form in in_vllm), in_vllm
