"""Build the data of a run from a questions file: examples for SFT, and preference pairs for DPO."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from finetune.data.examples import BuildOptions, build_examples
from finetune.data.passages import IndexPassages, OwnPassages, PassageSource
from finetune.data.preferences import pairs_from_examples, pairs_from_feedback
from finetune.data.row_files import write_rows
from finetune.data.rows import ExampleKind, PreferencePair, rows_sha256
from ingest.document import Hit
from ingest.settings import GeneratorKind, Settings
from service.history import History
from service.pipeline import AnswerPipeline
from service.retrieve_mode import SearchMode
from service.wiring import open_pipeline


@dataclass(frozen=True, slots=True)
class BuiltData:
    """What was written, and the questions that gave nothing, with the reason."""

    examples_path: Path
    pairs_path: Path
    examples: int
    refusals: int
    pairs: int
    pairs_from_feedback: int
    snapshot_id: str | None
    examples_sha256: str
    skipped: dict[str, str]


def build_data(
    questions: Path,
    source: PassageSource,
    options: BuildOptions,
    folder: Path,
    *,
    corrected: Sequence[PreferencePair] = (),
    advance: Callable[[], None] = lambda: None,
) -> BuiltData:
    """Write ``STEM.sft.jsonl`` and ``STEM.dpo.jsonl`` into ``folder``; ``corrected`` pairs join the latter.

    Raises:
        TrainingDataError: the questions are not as expected, or none gives an example.
    """
    report = build_examples(questions, source, options, advance=advance)
    pairs = (*pairs_from_examples(report.examples, seed=options.seed), *corrected)
    examples_path = folder / f"{questions.stem}.sft.jsonl"
    pairs_path = folder / f"{questions.stem}.dpo.jsonl"
    write_rows(examples_path, report.examples)
    write_rows(pairs_path, pairs)
    return BuiltData(
        examples_path=examples_path,
        pairs_path=pairs_path,
        examples=len(report.examples),
        refusals=report.count(ExampleKind.REFUSAL),
        pairs=len(pairs),
        pairs_from_feedback=len(corrected),
        snapshot_id=source.snapshot_id,
        examples_sha256=rows_sha256(report.examples),
        skipped=dict(report.skipped),
    )


@contextmanager
def passage_source(settings: Settings, collection: str | None) -> Generator[PassageSource]:
    """Passages of a collection's index, or with None those that come with the questions.

    Raises:
        CollectionNotFoundError: nothing was ingested under this name.
    """
    if collection is None:
        yield OwnPassages()
        return
    # No generator is loaded: only the index is asked.
    generator = settings.generator.model_copy(update={"kind": GeneratorKind.EXTRACTIVE})
    pipeline = asyncio.run(open_pipeline(settings.model_copy(update={"generator": generator}), collection))
    try:
        yield IndexPassages(pipeline.snapshot.id, pipeline.snapshot.documents, _PipelineSearch(pipeline))
    finally:
        asyncio.run(pipeline.aclose())


def corrected_pairs(home: Path) -> tuple[PreferencePair, ...]:
    """The preference pairs that readers' corrections give; none where nothing was ever answered."""
    path = home / "history.sqlite"
    if not path.is_file():
        return ()
    history = History(path)
    try:
        judged = dict.fromkeys(feedback.answer_id for feedback in history.feedback() if feedback.correction)
        return pairs_from_feedback([history.get(answer_id) for answer_id in judged])
    finally:
        history.close()


@dataclass(frozen=True, slots=True)
class _PipelineSearch:
    """The retriever that serves, behind ``finetune.data.passages.Search``."""

    pipeline: AnswerPipeline

    def retrieve(self, query: str, k: int) -> Sequence[Hit]:
        return asyncio.run(self.pipeline.search(query, k, SearchMode.HYBRID)).hits
