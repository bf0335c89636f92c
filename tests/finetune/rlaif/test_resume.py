from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

from finetune.data.row_files import read_pairs, write_rows
from finetune.rlaif.request import plan_rlaif
from finetune.rlaif.run import LABELS, REVISIONS, RlaifReport, resume_rlaif, run_rlaif
from finetune.settings.rlaif import RlaifSection
from ingest.errors import GeneratorError, RunMismatchError, StorageError, TrainingDataError, UsageError
from ingest.settings import Settings, load_settings
from service.generate import Message, Piece, Sampling
from tests.finetune.rlaif.test_run import BAD, GOOD, example, fair, label
from tests.finetune.sampling.fake_generator import FakeGenerator, Rule, cut, wrote

CALLS = 5
"""An example takes so many replies: answer, critique, revision, and two comparisons."""


def fairly(messages: Sequence[Message], sampling: Sampling) -> list[Piece]:
    return wrote(fair(messages))


class Stage:
    """A home with examples and labels, and a generator that may fail."""

    def __init__(self, folder: Path, use: Callable[[FakeGenerator], None]) -> None:
        self.settings: Settings = load_settings({"home": str(folder / "home"), "generator.kind": "llama-cpp"})
        self.data, self.labels = folder / "sft.jsonl", folder / "labels.jsonl"
        write_rows(self.data, [example(name) for name in "abcd"])
        write_rows(self.labels, [label(str(number)) for number in range(3)])
        self._use = use

    def generator(self, rule: Rule = fairly, fails_after: int | None = None) -> FakeGenerator:
        made = FakeGenerator(rule, fails_after)
        self._use(made)
        return made

    def run(self, name: str) -> RlaifReport:
        output = self.settings.home / f"{name}.jsonl"
        return run_rlaif(self.settings, RlaifSection(), self.data, output, self.labels)

    @property
    def folder(self) -> Path:
        return max((self.settings.home / "runs").iterdir())


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    def use(generator: FakeGenerator) -> None:
        monkeypatch.setattr("finetune.sampling.generator.load_generator", lambda *_: generator)

    return Stage(tmp_path, use)


@pytest.mark.parametrize("fails_after", [3, 6, 6 + CALLS + 2, 6 + 3 * CALLS + 4])
@pytest.mark.parametrize("tail", [b"", b'{"id":"b","principle":"gro'])
def test_what_failed_in_the_middle_goes_on_and_ends_with_the_same(
    stage: Stage, fails_after: int, tail: bytes
) -> None:
    stage.generator()
    whole = stage.run("whole")
    kept = (stage.folder / REVISIONS).read_bytes()
    stage.generator(fails_after=fails_after)
    with pytest.raises(GeneratorError, match="told so"):
        stage.run("broken")
    folder = stage.folder
    with (folder / REVISIONS).open("ab") as revisions:
        revisions.write(tail)
    done = sum((folder / name).read_bytes().count(b"\n") for name in (LABELS, REVISIONS))
    generator = stage.generator()
    report = resume_rlaif(stage.settings, folder)
    assert asdict(report) | {"output": ""} == asdict(whole) | {"output": ""}
    assert read_pairs(report.output) == read_pairs(whole.output)
    assert (folder / REVISIONS).read_bytes() == kept
    labels_done = min(done, 3)
    assert len(generator.asked) == 2 * (3 - labels_done) + CALLS * (4 - (done - labels_done))
    with pytest.raises(UsageError, match="is finished"):
        resume_rlaif(stage.settings, folder)


def test_a_run_goes_on_with_what_it_began_with(stage: Stage, tmp_path: Path) -> None:
    stage.generator(fails_after=8)
    with pytest.raises(GeneratorError):
        stage.run("broken")
    other = load_settings({"home": str(stage.settings.home), "generator.kind": "openai"})
    with pytest.raises(RunMismatchError, match="began with the generator llama-cpp"):
        resume_rlaif(other, stage.folder)
    write_rows(stage.data, [example("a")])
    with pytest.raises(RunMismatchError, match=r"began with the rows of sft\.jsonl"):
        resume_rlaif(stage.settings, stage.folder)
    with pytest.raises(UsageError, match="holds no run of rlaif"):
        resume_rlaif(stage.settings, tmp_path)


def test_an_output_that_cannot_be_written_is_told_before_anything_is_sampled(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = stage.generator()
    for output, told in ((tmp_path, "is there and no file"), (stage.data / "pairs.jsonl", "is no folder")):
        with pytest.raises(UsageError, match=told):
            run_rlaif(stage.settings, RlaifSection(), stage.data, output, stage.labels)
        with pytest.raises(UsageError, match=told):
            plan_rlaif(stage.settings, RlaifSection(), stage.data, output, stage.labels)
    below = tmp_path / "to" / "make" / "pairs.jsonl"
    plan_rlaif(stage.settings, RlaifSection(), stage.data, below, stage.labels)
    monkeypatch.setattr("finetune.rlaif.request.os.access", lambda *_: False)
    with pytest.raises(StorageError, match=f"{tmp_path} cannot be written to"):
        plan_rlaif(stage.settings, RlaifSection(), stage.data, below, stage.labels)
    assert not generator.asked
    assert not stage.settings.home.exists()
    assert not below.parent.exists()


def test_an_output_that_was_taken_since_is_told_when_a_run_goes_on(stage: Stage) -> None:
    stage.generator(fails_after=8)
    with pytest.raises(GeneratorError):
        stage.run("broken")
    taken = stage.settings.home / "broken.jsonl"
    taken.mkdir()
    generator = stage.generator()
    with pytest.raises(UsageError, match="to resume a run move away what is there"):
        resume_rlaif(stage.settings, stage.folder)
    assert not generator.asked
    taken.rmdir()
    assert resume_rlaif(stage.settings, stage.folder).pairs == 4


@pytest.mark.parametrize("what", ["answer", "critique", "revision"])
def test_what_was_cut_becomes_no_pair_and_is_counted(stage: Stage, what: str) -> None:
    asked_of = {GOOD: "revision", BAD: "answer", "It cites nothing.": "critique"}

    def rule(messages: Sequence[Message], sampling: Sampling) -> list[Piece]:
        text = fair(messages)
        is_second = "Question: b?" in messages[-1].content
        return cut(text) if is_second and asked_of.get(text) == what else wrote(text)

    stage.generator(rule)
    report = stage.run("pairs")
    assert (report.pairs, report.dropped) == (3, {"cut": 1})
    assert [pair.id for pair in read_pairs(report.output)] == ["a:rlaif", "c:rlaif", "d:rlaif"]
    lines = [json.loads(line) for line in (stage.folder / REVISIONS).read_text().splitlines()]
    assert [line["dropped"] for line in lines] == [None, "cut", None, None]


def test_nothing_is_written_where_all_answers_are_cut(stage: Stage) -> None:
    stage.generator(lambda messages, _sampling: cut(fair(messages)))
    with pytest.raises(TrainingDataError, match=r"cut: 4.*rlaif\.max_new_tokens"):
        stage.run("pairs")
    assert not (stage.settings.home / "pairs.jsonl").exists()


def test_a_plan_counts_what_would_be_asked_and_writes_nothing(stage: Stage) -> None:
    generator = stage.generator()
    plan = plan_rlaif(stage.settings, RlaifSection(), stage.data, stage.data, stage.labels)
    assert (plan.questions, plan.compared_with_people, plan.training) == (4, 3, None)
    assert plan.prompts == tuple(example(name).messages for name in "abc")
    assert not generator.asked
    assert not stage.settings.home.exists()
