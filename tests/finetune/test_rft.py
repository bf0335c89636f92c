from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from finetune import rft
from finetune.data.row_files import read_examples, write_rows
from finetune.data.rows import ExampleKind
from finetune.rft import run_rft
from finetune.sampling.rft_request import HeldOut
from finetune.sampling.sampler import Sampled
from finetune.settings.rft import RftConfig
from finetune.settings.train_config import read_config
from finetune.training.run import read_run
from ingest.errors import SettingsError, TrainingDataError
from ingest.settings import Settings, load_settings
from service.generate import Message
from service.releases.adapters import list_adapters
from tests.finetune.adapters.test_refusals import other_examples
from tests.finetune.conftest import TinyBase
from tests.finetune.model_server import model_server
from tests.finetune.sampling.test_acceptance import example

pytest.importorskip("trl")


def config(tiny_base: TinyBase, *overrides: str) -> RftConfig:
    quick = ["train.max_steps=1", "train.threads=1", "train.gradient_accumulation_steps=1", "rft.samples=2"]
    return read_config(RftConfig, "rft", None, [f"model.name_or_path={tiny_base.gguf}", *quick, *overrides])


def settings(home: Path, address: str) -> Settings:
    return load_settings(
        {
            "home": str(home),
            "generator.kind": "openai",
            "generator.base_url": address,
            "generator.model": "m",
        }
    )


def data(tmp_path: Path) -> Path:
    path = tmp_path / "qa.jsonl"
    write_rows(path, [example(name=str(n)) for n in range(4)])
    return path


def right(messages: Sequence[Message]) -> str:
    return "In 1976 [2]."


@pytest.mark.slow
def test_right_answers_are_learned_and_the_new_adapter_is_kept(tiny_base: TinyBase, tmp_path: Path) -> None:
    with model_server(right) as address:
        (done,) = run_rft(settings(tiny_base.home, address), config(tiny_base), data(tmp_path))
    assert (done.sampled_from, done.right_share, done.solved_share) == ("base", 1.0, 1.0)
    assert {row.target for row in read_examples(done.data)} == {"In 1976 [2]."}
    assert done.adapter in {adapter.name for adapter in list_adapters(tiny_base.home)}
    assert read_run(done.run).adapter_sha256 is None


@pytest.mark.slow
def test_what_was_sampled_is_trained_further(
    tiny_base: TinyBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sampled(*_: object) -> list[list[Sampled]]:
        return [[Sampled("In 1976 [2].", ended=True)] * 2] * 4

    monkeypatch.setattr(rft, "gather", sampled)
    further = config(tiny_base, "rft.from_sampled=true", "rft.rounds=2", "train.seed=3")
    model = {"generator.kind": "llama-cpp", "generator.model": str(tiny_base.gguf)}
    home = load_settings({"home": str(tiny_base.home), **model})
    rows = tmp_path / "held-out.jsonl"
    write_rows(rows, other_examples())
    first, second = run_rft(home, further, data(tmp_path), "base", held_out=HeldOut(rows, 0.5))
    kept = {adapter.name: adapter for adapter in list_adapters(tiny_base.home)}
    started_from = [read_run(done.run).adapter_sha256 for done in (first, second)]
    assert started_from == [None, kept[first.adapter].sha256]
    assert all(kept[done.adapter].refusal_bias for done in (first, second))


def test_nothing_is_trained_where_no_answer_is_right(tiny_base: TinyBase, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with (
        model_server(lambda _: "In 1950 [1].") as address,
        pytest.raises(TrainingDataError, match="none of 8 sampled answers is right"),
    ):
        run_rft(settings(home, address), config(tiny_base), data(tmp_path))
    (folder,) = (home / "runs").iterdir()
    assert {path.name for path in folder.iterdir()} == {"request.json", "round1.samples.jsonl"}


def test_rows_held_out_that_cannot_be_read_are_told_before_anything_is_sampled(
    tiny_base: TinyBase, tmp_path: Path
) -> None:
    unreached = settings(tmp_path / "home", "http://127.0.0.1:9/v1")
    with pytest.raises(TrainingDataError, match="absent"):
        run_rft(
            unreached, config(tiny_base), data(tmp_path), held_out=HeldOut(tmp_path / "absent.jsonl", 0.1)
        )


def test_what_cannot_come_to_anything_is_told_before_anything_is_sampled(
    tiny_base: TinyBase, tmp_path: Path
) -> None:
    unreached = settings(tmp_path / "home", "http://127.0.0.1:9/v1")
    rows = data(tmp_path)
    with pytest.raises(SettingsError, match=r"generator\.kind=vllm.*rft\.rounds=1"):
        run_rft(unreached, config(tiny_base, "rft.rounds=2"), rows)
    extractive = load_settings({"home": str(tmp_path / "home"), "generator.kind": "extractive"})
    with pytest.raises(SettingsError, match="writes no answers"):
        run_rft(extractive, config(tiny_base), rows)
    other = load_settings({"home": str(tmp_path / "home"), "generator.kind": "llama-cpp"})
    with pytest.raises(SettingsError, match="name the same model"):
        run_rft(other, config(tiny_base, "rft.rounds=2"), rows, "base")
    refusals = tmp_path / "refusals.jsonl"
    write_rows(refusals, [example(ExampleKind.REFUSAL)])
    with pytest.raises(TrainingDataError, match=r"0 rows .* can be answered and 1 cannot"):
        run_rft(unreached, config(tiny_base), rows, held_out=HeldOut(refusals, 0.1))
    write_rows(refusals, [example(ExampleKind.REFUSAL), example()])
    with pytest.raises(TrainingDataError, match=r"2 of 2 rows .* as well"):
        run_rft(unreached, config(tiny_base), rows, held_out=HeldOut(refusals, 0.1))
    replay = tmp_path / "replay.jsonl"
    write_rows(replay, [example(ExampleKind.REPLAY)])
    with pytest.raises(TrainingDataError, match="no rule can judge"):
        run_rft(unreached, config(tiny_base), replay)
    assert not (tmp_path / "home").exists()
