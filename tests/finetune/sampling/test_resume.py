from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("peft")
pytest.importorskip("xllamacpp")

from finetune import rft
from finetune.data.row_files import read_examples, write_rows
from finetune.data.rows import ExampleKind, rows_sha256
from finetune.rft import Round, resume_rft, run_rft
from finetune.sampling.rft_request import HeldOut
from finetune.settings.rft import RftConfig
from finetune.settings.train_config import TrainConfig, read_config
from finetune.training.job import Job, write_job
from finetune.training.run import RUN, Run
from ingest.errors import GeneratorError, RunMismatchError, TrainingDataError, TroikaError, UsageError
from ingest.settings import Settings, load_settings
from service.generate import Message, Piece, Sampling
from service.releases.adapters import list_adapters
from tests.finetune.conftest import TinyBase
from tests.finetune.finished_run import tiny_run
from tests.finetune.sampling.fake_generator import FakeGenerator, wrote
from tests.finetune.sampling.fake_vllm import vllm_python
from tests.finetune.sampling.test_acceptance import example

# peft 0.21 uses a property that transformers 5.23 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

KILLED = TroikaError("the training process was killed")


def by_question(messages: Sequence[Message], sampling: Sampling) -> list[Piece]:
    extra = messages[-1].content[-1] if sampling.seed else ""
    return wrote(f"In 1976 [2]. {extra}")


class Stage:
    """A home with the tiny model, data, and a training that only pretends."""

    def __init__(self, base: TinyBase, folder: Path) -> None:
        self.base, self.home, self.data = base, folder / "home", folder / "qa.jsonl"
        shutil.copytree(base.folder, self.home / "models" / base.fingerprint)
        rows = [replace(example(name=str(n)), messages=(Message("user", f"When? {n}"),)) for n in range(4)]
        write_rows(self.data, rows)
        self.trained: list[Path] = []
        self.fails = False
        self.at_training: Callable[[], None] = lambda: None

    def settings(self, **values: str) -> Settings:
        model = {"generator.kind": "llama-cpp", "generator.model": str(self.base.gguf)}
        return load_settings({"home": str(self.home), **model, **values})

    def config(self, *overrides: str) -> RftConfig:
        quick = [f"model.name_or_path={self.base.gguf}", "train.threads=1", "rft.samples=2"]
        quick.append("train.gradient_accumulation_steps=1")
        return read_config(RftConfig, "rft", None, [*quick, *overrides])

    def train(self, home: Path, config: TrainConfig, data: Path, adapter: Path | None) -> Run:
        """What ``start_run`` does, but for the training."""
        self.at_training()
        self.trained.append(data)
        run = tiny_run(home, self.base.gguf, home / "runs" / f"sft-{len(self.trained)}")
        digest = rows_sha256(read_examples(data))
        write_job(Job(config, home, run.base, run.data, run.folder, None, None, digest, data))
        if self.fails:
            (run.folder / RUN).unlink()
            raise KILLED
        return run

    @property
    def folder(self) -> Path:
        return max((self.home / "runs").glob("rft-*"))


@pytest.fixture
def stage(tiny_base: TinyBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage(tiny_base, tmp_path)
    monkeypatch.setattr("finetune.adapters.machine_peak.matmul_peak", lambda *_shape: 1e11)
    monkeypatch.setattr(rft, "start_run", made.train)
    return made


@pytest.fixture
def generate(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], FakeGenerator]:
    def use(fails_after: int | None = None) -> FakeGenerator:
        made = FakeGenerator(by_question, fails_after)
        monkeypatch.setattr("finetune.sampling.generator.load_generator", lambda *_: made)
        return made

    return use


def same(rounds: list[Round]) -> list[dict[str, Any]]:
    """What does not hang on the folder."""
    return [
        {"rows": read_examples(done.data), "right": done.right_share, "own": done.own_words}
        for done in rounds
    ]


@pytest.mark.parametrize("tail", [b"", b'{"place":3,"id'])
def test_sampling_that_failed_in_the_middle_goes_on_and_ends_with_the_same_rows(
    stage: Stage, generate: Callable[[int | None], FakeGenerator], tail: bytes
) -> None:
    generate(None)
    whole = run_rft(stage.settings(), stage.config(), stage.data, "base")
    generate(5)
    with pytest.raises(GeneratorError, match="told so"):
        run_rft(stage.settings(), stage.config(), stage.data, "base")
    broken = stage.folder
    with (broken / "round1.samples.jsonl").open("ab") as samples:
        samples.write(tail)
    generator = generate(None)
    again = resume_rft(stage.settings(), broken)
    assert same(again) == same(whole)
    assert len(generator.asked) == 4  # two questions of four were kept
    with pytest.raises(UsageError, match="is finished"):
        resume_rft(stage.settings(), broken)


def test_a_training_that_was_killed_is_gone_on_with_and_a_finished_one_is_taken_as_it_is(
    stage: Stage, generate: Callable[[int | None], FakeGenerator], monkeypatch: pytest.MonkeyPatch
) -> None:
    generate(None)
    stage.fails = True
    with pytest.raises(TroikaError, match="was killed"):
        run_rft(stage.settings(), stage.config(), stage.data, "base")
    resumed: list[tuple[str, Path]] = []

    def resume(method: str, folder: Path) -> Run:
        resumed.append((method, folder))
        return tiny_run(stage.home, stage.base.gguf, stage.home / "runs" / "other")

    monkeypatch.setattr(rft, "resume_run", resume)
    unasked = generate(None)
    (done,) = resume_rft(stage.settings(), stage.folder)
    assert resumed == [("sft", stage.home / "runs" / "sft-1")]
    assert len(stage.trained) == 1
    assert not unasked.asked
    assert done.adapter in {adapter.name for adapter in list_adapters(stage.home)}
    # Killed between the end of the training and that of the round:
    (stage.folder / "round1.json").unlink()
    tiny_run(stage.home, stage.base.gguf, stage.home / "finished")
    shutil.copy(stage.home / "finished" / RUN, stage.home / "runs" / "sft-1" / RUN)
    (again,) = resume_rft(stage.settings(), stage.folder)
    assert len(resumed) == 1
    assert (again.run, again.adapter) == (stage.home / "finished", done.adapter)


def test_a_run_goes_on_with_what_it_began_with(
    stage: Stage, generate: Callable[[int | None], FakeGenerator], tmp_path: Path
) -> None:
    generate(1)
    held_out = tmp_path / "held-out.jsonl"
    refusal = replace(example(), messages=(Message("user", "Why?"),), kind=ExampleKind.REFUSAL)
    write_rows(held_out, [refusal, replace(example(), messages=(Message("user", "Who?"),))])
    with pytest.raises(GeneratorError):
        run_rft(stage.settings(), stage.config(), stage.data, "base", held_out=HeldOut(held_out, 0.1))
    with pytest.raises(RunMismatchError, match="began with the generator llama-cpp"):
        resume_rft(stage.settings(**{"generator.kind": "openai"}), stage.folder)
    write_rows(held_out, [refusal, replace(example(), messages=(Message("user", "Whose?"),))])
    with pytest.raises(RunMismatchError, match="began with the held-out rows"):
        resume_rft(stage.settings(), stage.folder)
    write_rows(stage.data, [example()])
    with pytest.raises(RunMismatchError, match=r"began with the rows of qa\.jsonl"):
        resume_rft(stage.settings(), stage.folder)
    stage.data.unlink()
    with pytest.raises(TrainingDataError, match=r"qa\.jsonl"):
        resume_rft(stage.settings(), stage.folder)
    with pytest.raises(UsageError, match="holds no run of rft"):
        resume_rft(stage.settings(), stage.home)


def test_vllm_ends_before_the_training_and_is_started_again_with_the_adapter_of_the_round_before(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told.jsonl"
    monkeypatch.setenv("FAKE_VLLM", str(told))

    def events() -> list[Any]:
        return [json.loads(line) for line in told.read_text().splitlines()]

    def check_ended() -> None:
        for event in events():
            if isinstance(event, dict):
                with pytest.raises(ProcessLookupError):
                    os.kill(event["process"], 0)

    stage.at_training = check_ended
    model = str(stage.home / "models" / stage.base.fingerprint)
    own = {"generator.kind": "vllm", "generator.model": model, "vllm.python": str(vllm_python(tmp_path))}
    config = stage.config("rft.rounds=2")
    first, second = run_rft(stage.settings(**own), config, stage.data)
    assert len(stage.trained) == 2
    assert (first.sampled_from, second.sampled_from) == ("base", first.adapter)
    assert (first.right_share, second.right_share) == (1.0, 1.0)
    start, start_again, *changes = events()
    assert "--enable-lora" not in start["arguments"]
    assert "--enable-lora" in start_again["arguments"]
    assert changes == [["load", first.adapter], ["unload", first.adapter]]
