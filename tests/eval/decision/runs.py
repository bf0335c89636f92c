"""Runs made up of records whose figures are known beforehand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from eval.cases.case import Case, Relevant
from eval.runs.folder import RunFolder, write_run
from eval.runs.record import AnswerRecord, CaseRecord, CitationRecord, Failure, RunIdentity

SOURCES, CASES_OF_EACH = 60, 3
QUOTE = CitationRecord(1, "file:///a.md", 0, 5, "right", 0, 5, None, True, True, True)


def case(number: int) -> Case:
    """The cases of a source are in one language; every sixth case has no answer."""
    source, which = divmod(number, CASES_OF_EACH)
    answerable = number % 6 != 5
    return Case(
        id=f"case-{number:04}",
        question="Which one?",
        language="zh" if source % 3 == 0 else "en",
        answers=("right",) if answerable else (),
        answerable=answerable,
        relevant=(Relevant(f"source-{source}.md"),),
        tags=(f"part-{which}",),
    )


def answered(case: Case, *, right: bool, milliseconds: float = 100.0, words: int = 1) -> CaseRecord:
    """An answer, or a refusal of what has none; a wrong one has other words and no citation."""
    answer = AnswerRecord(
        text=" ".join(["right" if right else "wrong"] * words),
        language=case.language,
        abstained=right and not case.answerable,
        evidence=0.9 if right else 0.4,
        groundedness=1.0,
        invented_markers=0,
        degraded=None,
        cache=None,
        generator="fake",
        prompt_id="prompt",
        release="base",
        snapshot_id="snapshot",
        passages=(),
        citations=(QUOTE,) if right and case.answerable else (),
        timings_ms={},
        prompt_tokens=10,
        completion_tokens=words,
    )
    return CaseRecord(case, answer, ranks=(1,), total_ms=milliseconds)


def records(share: float, *, seed: int = 0, slower: float = 1.0, words: int = 1) -> list[CaseRecord]:
    """Answers of which ``share`` are right; with the same seed, those right at .5 are right at .6, too."""
    random = np.random.default_rng(seed)
    luck = random.random((2, SOURCES * CASES_OF_EACH))
    times = (slower * (100.0 + 50.0 * luck[1])).tolist()
    return [
        answered(case(number), right=bool(luck[0, number] < share), milliseconds=times[number], words=words)
        for number in range(SOURCES * CASES_OF_EACH)
    ]


def failed(record: CaseRecord) -> CaseRecord:
    """The record of the same case if the generator had broken."""
    return replace(record, answer=None, failure=Failure("generator_failed", "it broke"))


def identity(count: int = SOURCES * CASES_OF_EACH) -> RunIdentity:
    return RunIdentity(
        name="made-up",
        created_at="2026-01-01T00:00:00Z",
        cases_path="cases.jsonl",
        cases_sha256="c" * 64,
        case_count=count,
        seed=0,
        generator="fake",
        prompt_id="prompt",
        release="base",
        collection="c",
        snapshot_id="snapshot",
        url=None,
        settings_sha256="s" * 64,
        troika_version="0",
    )


def written(path: Path, found: Iterable[CaseRecord], who: RunIdentity | None = None) -> RunFolder:
    """A run on disk that was answered as the identity says."""
    who = who or identity()
    with write_run(path, who) as writer:
        for record in found:
            if record.answer is not None:
                answer = replace(
                    record.answer, release=who.release, snapshot_id=who.snapshot_id or "snapshot"
                )
                record = replace(record, answer=answer)
            writer.add(record)
    return RunFolder(path, who)
