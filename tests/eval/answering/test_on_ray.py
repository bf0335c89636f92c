"""What actors on Ray answer is what this process answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eval.answering.run import AnswerRequest, run_answers
from eval.cases.read import iter_cases
from eval.cases.select import Selection
from eval.runs.record import CaseRecord
from ingest.choices import Engine
from ingest.settings import GeneratorSettings, Settings
from tests.eval.answering.records import made

ray = pytest.importorskip("ray", reason="the extra ray is not installed")

# These import Ray.
from eval.answering.on_ray import AnswerCases, answer_on_ray, case_rows  # noqa: E402


@pytest.fixture
def actors(monkeypatch: pytest.MonkeyPatch) -> list[AnswerCases]:
    """Let the stage run in this process; the actors that it made."""
    worked: list[AnswerCases] = []

    def run(_: object, make_stage: Callable[[], Any], rows: Iterator[bytes]) -> Iterator[bytes]:
        stage = make_stage()
        worked.append(stage.make())
        for row in reversed(list(rows)):
            yield from worked[0](row)

    monkeypatch.setattr("ingest.engines.ray.RayEngine.run", run)
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 4.0})
    return worked


def test_the_driver_keeps_what_actors_answer(
    small_settings: Settings, cases: Path, tmp_path: Path, actors: list[AnswerCases]
) -> None:
    here = run_answers(small_settings, AnswerRequest(cases, tmp_path / "here"))
    there = run_answers(
        small_settings, AnswerRequest(cases, tmp_path / "there", engine=Engine.RAY, concurrency=2)
    )
    assert made(there) == made(here)
    assert there.identity.settings_sha256 == here.identity.settings_sha256
    assert len(actors) == 1


def test_rows_hold_a_few_cases_each(cases: Path) -> None:
    four = list(iter_cases(cases))
    assert [len(row) > 100 for row in case_rows([*four, *four, four[0]])] == [True, True, True]
    assert list(case_rows([])) == []


def test_the_relation_of_cores_to_actors_is_that_of_the_models(
    small_settings: Settings, cases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, float]] = []

    def run(_: object, make_stage: Callable[[], Any], rows: Iterator[bytes]) -> Iterator[bytes]:
        stage = make_stage()
        asked.append((stage.actors, stage.cores))
        return iter(())

    monkeypatch.setattr("ingest.engines.ray.RayEngine.run", run)
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 8.0})
    large = Settings(home=small_settings.home, generator=GeneratorSettings(threads=4))
    for settings in (small_settings, large):
        records: list[CaseRecord] = list(
            answer_on_ray(
                settings, None, iter_cases(cases, Selection(limit=1)), 1, oracle=False, release=None
            )
        )
        assert records == []
    assert asked == [(4, 2), (2, 4)]
