"""Build the data of a run from a questions file: examples for SFT, and preference pairs for DPO."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from finetune.data.examples import BuildOptions, build_examples
from finetune.data.own_passages import OwnPassages, cut_as_ingested
from finetune.data.passages import IndexPassages, PassageSource
from finetune.data.preferences import pairs_from_examples
from finetune.data.row_files import write_rows
from finetune.data.rows import ExampleKind, TrainingExample, rows_sha256
from ingest.choices import GeneratorKind
from ingest.document import Hit
from ingest.settings import Settings
from service.pipeline import AnswerPipeline
from service.question import Inquiry
from service.wiring import open_pipeline


@dataclass(frozen=True, slots=True)
class BuiltData:
    """What was written, and the questions that gave nothing, with the reason."""

    examples_path: Path
    pairs_path: Path
    examples: int
    refusals: int
    replay: int
    pairs: int
    held_out: int
    snapshot_id: str | None
    examples_sha256: str
    skipped: dict[str, str]


def build_data(
    questions: Path,
    source: PassageSource,
    options: BuildOptions,
    folder: Path,
    *,
    replay: Sequence[TrainingExample] = (),
    fits: Callable[[TrainingExample], bool] | None = None,
    advance: Callable[[], None] = lambda: None,
) -> BuiltData:
    """Write ``STEM.sft.jsonl`` and ``STEM.dpo.jsonl`` into ``folder``; examples that do not fit are left out.

    What is held out is written to ``STEM.valid.sft.jsonl`` and ``STEM.valid.dpo.jsonl``; what an earlier
    build held out goes.

    Raises:
        TrainingDataError: the questions are not as expected, or none gives an example.
    """
    report = build_examples(questions, source, options, replay=replay, fits=fits, advance=advance)
    pairs = pairs_from_examples(report.examples, seed=options.seed)
    examples_path = folder / f"{questions.stem}.sft.jsonl"
    pairs_path = folder / f"{questions.stem}.dpo.jsonl"
    write_rows(examples_path, report.examples)
    write_rows(pairs_path, pairs)
    _write_held_out(folder, questions.stem, report.held_out, options.seed)
    return BuiltData(
        examples_path=examples_path,
        pairs_path=pairs_path,
        examples=len(report.examples),
        refusals=report.count(ExampleKind.REFUSAL),
        replay=report.count(ExampleKind.REPLAY),
        pairs=len(pairs),
        held_out=len(report.held_out),
        snapshot_id=source.snapshot_id,
        examples_sha256=rows_sha256(report.examples),
        skipped=dict(report.skipped),
    )


def _write_held_out(folder: Path, stem: str, examples: Sequence[TrainingExample], seed: int) -> None:
    examples_path, pairs_path = folder / f"{stem}.valid.sft.jsonl", folder / f"{stem}.valid.dpo.jsonl"
    if not examples:  # those of an earlier build may be trained on now
        examples_path.unlink(missing_ok=True)
        pairs_path.unlink(missing_ok=True)
        return
    write_rows(examples_path, examples)
    write_rows(pairs_path, pairs_from_examples(examples, seed=seed))


@contextmanager
def passage_source(
    settings: Settings, collection: str | None, *, cut: bool = False
) -> Generator[PassageSource]:
    """Passages of a collection's index, or with None those that come with the questions, whole or ``cut``.

    Raises:
        CollectionNotFoundError: nothing was ingested under this name.
    """
    if collection is None:
        yield OwnPassages(cut_as_ingested(settings)) if cut else OwnPassages()
        return
    with opened_index(settings, collection) as pipeline:
        yield IndexPassages(pipeline.snapshot.id, pipeline.snapshot.documents, _PipelineSearch(pipeline))


@contextmanager
def opened_index(settings: Settings, collection: str) -> Generator[AnswerPipeline]:
    """The pipeline of a collection to search with: no generator is loaded.

    Raises:
        CollectionNotFoundError: nothing was ingested under this name.
    """
    generator = settings.generator.model_copy(update={"kind": GeneratorKind.EXTRACTIVE})
    pipeline = asyncio.run(open_pipeline(settings.model_copy(update={"generator": generator}), collection))
    try:
        yield pipeline
    finally:
        asyncio.run(pipeline.aclose())


@dataclass(frozen=True, slots=True)
class _PipelineSearch:
    """The retriever that serves, behind ``finetune.data.passages.Search``."""

    pipeline: AnswerPipeline

    def retrieve(self, query: str, k: int) -> Sequence[Hit]:
        return asyncio.run(self.pipeline.search(Inquiry(query), k)).hits
