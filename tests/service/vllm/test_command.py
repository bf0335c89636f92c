from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ingest.errors import ModelNotFoundError, SettingsError
from ingest.settings_vllm import VllmSettings
from service.vllm.command import SERVED_NAME, vllm_command

HERE = VllmSettings(python=Path(sys.executable))


def test_the_command_names_the_model_the_address_and_the_operators_own_arguments(tmp_path: Path) -> None:
    settings = HERE.model_copy(update={"port": 8765, "arguments": "--max-model-len 8192"})
    command = vllm_command(settings, "Qwen/Qwen3-0.6B", tmp_path)
    assert command.base_url == "http://127.0.0.1:8765/v1"
    words = " ".join(command.arguments)
    assert "--model Qwen/Qwen3-0.6B " in words
    assert f"--served-model-name {SERVED_NAME} " in words
    assert words.endswith("--port 8765 --max-model-len 8192")
    assert "--enable-lora" not in words


def test_adapters_are_served_when_their_highest_rank_is_known(tmp_path: Path) -> None:
    command = vllm_command(HERE.model_copy(update={"max_lora_rank": 32}), "org/model", tmp_path)
    assert "--enable-lora --max-lora-rank 32 --max-loras 2" in " ".join(command.arguments)


def test_nothing_is_sent_home(tmp_path: Path) -> None:
    environment = vllm_command(HERE, "org/model", tmp_path).environment
    assert (environment["DO_NOT_TRACK"], environment["VLLM_NO_USAGE_STATS"]) == ("1", "1")


def test_on_a_cpu_it_takes_no_more_memory_than_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VLLM_CPU_KVCACHE_SPACE", raising=False)
    assert vllm_command(HERE, "org/model", tmp_path).environment["VLLM_CPU_KVCACHE_SPACE"] == "4"
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "16")
    assert vllm_command(HERE, "org/model", tmp_path).environment["VLLM_CPU_KVCACHE_SPACE"] == "16"


def test_vllm_gives_up_no_earlier_than_who_waits_for_it(tmp_path: Path) -> None:
    patient = HERE.model_copy(update={"start_seconds": 1800.5})
    environment = vllm_command(patient, "org/model", tmp_path).environment
    assert environment["VLLM_ENGINE_READY_TIMEOUT_S"] == "1801"


def test_a_missing_interpreter_model_or_folder_is_an_error_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"make vllm-env`, set vllm\.python"):
        vllm_command(VllmSettings(python=tmp_path / "python"), "org/model", tmp_path)
    with pytest.raises(SettingsError, match=r"generator\.model is not set"):
        vllm_command(HERE, None, tmp_path)
    with pytest.raises(ModelNotFoundError, match=r"config\.json"):
        vllm_command(HERE, str(tmp_path / "model"), tmp_path)
