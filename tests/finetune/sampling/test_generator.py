from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from finetune.sampling.generator import check_generator, opened_generator, own_vllm, patient
from finetune.sampling.sampler import Sampled, write
from ingest.errors import AdapterRejectedError, GeneratorError, ModelNotFoundError, SettingsError
from ingest.settings import Settings, load_settings
from ingest.settings_generator import GeneratorSettings
from service.generate import Message, Sampling
from service.releases.promotion import promote
from service.releases.release import Release, base_release
from tests.finetune.sampling.fake_vllm import vllm_python
from tests.service.vllm.test_adapters_on_vllm import Home
from tests.service.vllm.test_serving import merge

ASKED = (Message("user", "When was the bridge built?"),)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("FAKE_VLLM", str(tmp_path / "told.jsonl"))
    made = Home(tmp_path / "home")
    made.make_model()
    return made


def settings_of(home: Home, **values: str) -> Settings:
    vllm = {"generator.model": str(home.model), "vllm.python": str(vllm_python(home.path))}
    return load_settings({"home": str(home.path), "generator.kind": "vllm", **vllm, **values})


def told() -> list[Any]:
    return [json.loads(line) for line in Path(os.environ["FAKE_VLLM"]).read_text().splitlines()]


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


async def asked(settings: Settings, release: Release) -> tuple[Sampled, bool]:
    """What is answered, and whether vLLM was alive then."""
    async with opened_generator(settings, release) as generator:
        answer = await write(generator, ASKED, Sampling(16, 0.9))
        return answer, is_alive(told()[0]["process"])


@pytest.mark.anyio
@pytest.mark.parametrize("with_adapter", [False, True])
async def test_a_vllm_of_its_own_answers_with_the_release_and_ends_with_the_block(
    home: Home, with_adapter: bool
) -> None:
    release = home.keep() if with_adapter else base_release()
    assert await asked(settings_of(home), release) == (Sampled("In 1976 [2].", True), True)
    start, *changes = told()
    assert not is_alive(start["process"])
    assert changes == ([["load", release.name], ["unload", release.name]] if with_adapter else [])
    assert ("--enable-lora" in start["arguments"]) is with_adapter


def test_a_server_that_is_sampled_has_minutes_to_answer() -> None:
    hasty = GeneratorSettings(first_token_seconds=3, timeout_seconds=3, silent_seconds=0.2)
    waits = ("first_token_seconds", "timeout_seconds", "silent_seconds")
    assert [getattr(patient(hasty), name) for name in waits] == [300.0] * 3
    assert patient(GeneratorSettings(first_token_seconds=900)).silent_seconds == 900


@pytest.mark.anyio
async def test_a_vllm_that_does_not_start_is_told_of(home: Home) -> None:
    settings = settings_of(home)
    settings.vllm.python.write_text("#!/bin/sh\necho 'ValueError: no memory is left'\nexit 1\n")
    with pytest.raises(GeneratorError, match="no memory is left"):
        await asked(settings, base_release())


def test_another_release_than_the_served_one_is_not_asked_of_its_merged_weights(home: Home) -> None:
    served = home.keep()
    promote(home.path, served.name)
    folder = merge(home, served)
    other = home.keep(b"two")

    def started(release: Release) -> str:
        _, process = own_vllm(settings_of(home), release)
        assert process is not None
        return " ".join(process.command.arguments)

    assert f"--model {folder} " in started(served)
    assert f"--model {home.model} " in started(other)
    assert "--max-lora-rank 8" in started(other)
    assert f"--model {home.model} " in started(base_release())
    for release in (served, other, base_release()):
        check_generator(settings_of(home), release)


def test_what_cannot_be_sampled_is_told_before_anything_is_started(home: Home, tmp_path: Path) -> None:
    stranger = home.keep(b"other", base="other@0000000000000000")
    with pytest.raises(AdapterRejectedError, match="other@0000000000000000"):
        check_generator(settings_of(home), stranger)
    with pytest.raises(SettingsError, match="no Python with vLLM"):
        check_generator(settings_of(home, **{"vllm.python": str(tmp_path / "absent")}), base_release())
    kinds = {"extractive": SettingsError, "openai": SettingsError, "llama-cpp": ModelNotFoundError}
    for kind, error in kinds.items():
        values = {"home": str(tmp_path), "generator.kind": kind}
        model = {"generator.model": str(tmp_path / "absent.gguf")}
        with pytest.raises(error):
            check_generator(load_settings(values | model), base_release())
    assert not Path(os.environ["FAKE_VLLM"]).exists()
