from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from finetune.data.rows import ExampleKind, TrainingExample
from finetune.sampling.gather import gather
from finetune.sampling.sampler import Sampled
from finetune.settings.rft import RftSection
from ingest.errors import GeneratorError
from ingest.settings import Settings, load_settings
from service.generate import Message, Piece, Sampling
from service.releases.release import base_release
from tests.finetune.sampling.fake_generator import FakeGenerator, cut, wrote
from tests.finetune.sampling.test_acceptance import example

RFT = RftSection(samples=2)


def by_question(messages: Sequence[Message], sampling: Sampling) -> list[Piece]:
    text = f"In 1976 [2]. {messages[-1].content[-1]}" if sampling.seed else "In 1976 [2]."
    return cut(text) if messages[-1].content.endswith("3") else wrote(text)


def examples() -> list[TrainingExample]:
    return [
        *(replace(example(name=str(n)), messages=(Message("user", f"When? {n}"),)) for n in range(5)),
        example(ExampleKind.REPLAY, "replay"),
    ]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"home": str(tmp_path / "home"), "generator.kind": "llama-cpp"})


def gathered(
    settings: Settings,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fails_after: int | None = None,
) -> tuple[list[list[Sampled]], FakeGenerator]:
    generator = FakeGenerator(by_question, fails_after)
    monkeypatch.setattr("finetune.sampling.generator.load_generator", lambda *_: generator)
    return gather(settings, base_release(), examples(), RFT, path), generator


def test_answers_stand_in_the_order_of_the_examples_and_are_kept_with_their_verdicts(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "samples.jsonl"
    answers, generator = gathered(settings, path, monkeypatch)
    assert [len(found) for found in answers] == [2, 2, 2, 2, 2, 0]
    assert answers[4] == [Sampled("In 1976 [2].", True), Sampled("In 1976 [2]. 4", True)]
    assert not any(answer.ended for answer in answers[3])
    assert len(generator.asked) == 10  # the row that no rule can judge is not asked
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["id"] for line in lines] == ["0", "1", "2", "3", "4"]
    assert [line["answers"][0]["right"] for line in lines] == [True, True, True, False, True]


@pytest.mark.parametrize("tail", [b"", b'{"place":2,"id":"2","answers":[{"te'])
def test_what_failed_in_the_middle_goes_on_and_ends_with_the_same(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tail: bytes
) -> None:
    whole, _ = gathered(settings, tmp_path / "whole.jsonl", monkeypatch)
    path = tmp_path / "broken.jsonl"
    with pytest.raises(GeneratorError, match="told so"):
        gathered(settings, path, monkeypatch, fails_after=5)
    assert path.read_bytes().count(b"\n") == 2
    path.write_bytes(path.read_bytes() + tail)
    again, generator = gathered(settings, path, monkeypatch)
    assert again == whole
    assert len(generator.asked) == 6
    assert path.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    third, unasked = gathered(settings, path, monkeypatch)
    assert third == whole
    assert not unasked.asked
