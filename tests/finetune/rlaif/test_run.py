from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from finetune.data.row_files import read_pairs, write_rows
from finetune.data.rows import ExampleKind, PreferencePair, TrainingExample
from finetune.rlaif.run import RlaifReport, run_rlaif
from finetune.settings.rlaif import RlaifSection
from ingest.errors import SettingsError, TrainingDataError
from ingest.settings import load_settings
from service.generate import Message
from service.prompt import PROMPT_ID
from tests.finetune.model_server import Reply, model_server

GOOD, BAD = "Bees make honey [1].", "Bees make honey, I would say, and wax."


def example(name: str) -> TrainingExample:
    asked = (Message("system", "Answer."), Message("user", f"[1] Bees make honey.\n\nQuestion: {name}?"))
    return TrainingExample(
        name, asked, ("Bees make honey.",), GOOD, ExampleKind.GOLD, "en", PROMPT_ID, None, "d"
    )


def label(name: str) -> PreferencePair:
    return PreferencePair(name, example(name).messages, GOOD, BAD, "person", "en", PROMPT_ID, "d")


def fair(messages: Sequence[Message]) -> str:
    """Answers badly, revises well, and knows the better answer wherever it stands."""
    system, last = messages[0].content, messages[-1].content
    if "1 or 2" in system:
        return "1" if last.index(GOOD) < last.index(BAD) else "2"
    if "critique" in system:
        return GOOD
    return "It cites nothing." if "principle" in system else BAD


def run(tmp_path: Path, reply: Reply, labels: Path | None = None) -> RlaifReport:
    data = tmp_path / "sft.jsonl"
    write_rows(data, [example("a"), example("b")])
    with model_server(reply) as address:
        settings = load_settings(
            {
                "home": str(tmp_path / "home"),
                "generator.kind": "openai",
                "generator.base_url": address,
                "generator.model": "m",
            }
        )
        return run_rlaif(settings, RlaifSection(), data, tmp_path / "out" / "dpo.jsonl", labels)


def test_a_better_revision_becomes_the_chosen_answer_and_the_judge_is_held_against_people(
    tmp_path: Path,
) -> None:
    labels = tmp_path / "labels.jsonl"
    write_rows(labels, [label(str(n)) for n in range(6)])
    report = run(tmp_path, fair, labels)
    pairs = read_pairs(report.output)
    assert [(pair.chosen, pair.rejected) for pair in pairs] == [(GOOD, BAD)] * 2
    assert pairs[0].messages == example("a").messages
    assert pairs[0].reason.startswith("constitution:")
    assert report.agreement is not None
    assert (report.agreement.decided, report.agreement.agreed) == (6, 6)
    assert report.agreement.kappa == pytest.approx(1)


def test_a_judge_that_goes_by_the_place_gives_no_pair(tmp_path: Path) -> None:
    def by_place(messages: Sequence[Message]) -> str:
        return "1" if "1 or 2" in messages[0].content else fair(messages)

    with pytest.raises(TrainingDataError, match="none of 2 examples"):
        run(tmp_path, by_place)
    assert not (tmp_path / "out").exists()


def test_a_generator_that_writes_nothing_is_refused(tmp_path: Path) -> None:
    settings = load_settings({"home": str(tmp_path), "generator.kind": "extractive"})
    with pytest.raises(SettingsError, match="extractive"):
        run_rlaif(settings, RlaifSection(), tmp_path / "a", tmp_path / "b")
