"""What of a training row could give an evaluation case away: its question, and what it answers from.

Passages that a row only holds beside the one it cites are read and never learned, because the prompt is
masked: with distractors from the whole collection, every case would stand in the data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote

from eval.cases.leaks import LeakReport, find_leaks
from eval.cases.read import read_cases
from eval.cases.training_text import TrainingText, chat_text
from eval.jsonl import Record
from finetune.data.rows import Row, TrainingExample, learned_answer
from service.grounding.cite import markers_of, without_markers
from service.prompt import PROMPT_ID, is_refusal, template_for

_NEXT_SOURCE = re.compile(r"\n\n(?=\[\d+\] )")


def leaks_into(evaluations: Sequence[Path], training: Sequence[TrainingText]) -> LeakReport:
    """The cases of ``evaluations``, files or folders, that stand in ``training``.

    Raises:
        CasesError: a file of cases cannot be read.
    """
    return find_leaks([case for path in evaluations for case in read_cases(path)], training)


def training_text(record: Record, row: Row) -> TrainingText:
    """What can be found again of ``row``, which ``record`` states.

    Raises:
        CasesError: a turn of a row that was not rendered with the served prompt is no object of texts.
    """
    if row.prompt_id != PROMPT_ID:
        return chat_text(record)
    question, sources = _shown(row)
    cited = [*_cited(row, len(sources))]
    documents = row.documents if isinstance(row, TrainingExample) else ()
    return TrainingText(
        place=f"{record.path}, line {record.line}",
        questions=(question,),
        passages=tuple(sources[index] for index in cited),
        documents=tuple(
            name for index in cited if index < len(documents) for name in _names(documents[index])
        ),
    )


def asked_in(row: Row) -> str:
    """The question of a row, by which it is found whatever passages it shows; else all of its prompt."""
    if row.prompt_id != PROMPT_ID:
        return "\n".join(message.content for message in row.messages)
    return " ".join(_shown(row)[0].casefold().split())


def refuses(row: Row) -> bool:
    """Whether the answer that a row is for says that the sources don't tell."""
    return is_refusal(without_markers(learned_answer(row)), row.language)


def _shown(row: Row) -> tuple[str, Sequence[str]]:
    """The question and the texts of the sources in a prompt as ``service.prompt.render`` makes it."""
    label = template_for(row.language).question.partition("{question}")[0]
    before, _, question = f"\n\n{row.messages[-1].content}".rpartition(f"\n\n{label}")
    if isinstance(row, TrainingExample):
        return question, row.sources
    return question, _NEXT_SOURCE.split(before)[1:]


def _cited(row: Row, sources: int) -> Iterator[int]:
    """Of the sources, those that the answer cites; all of them for an answer that cites none."""
    if refuses(row):
        return
    markers = {marker - 1 for marker in markers_of(learned_answer(row))}
    cited = sorted(index for index in markers if 0 <= index < sources)
    yield from cited or range(sources)


def _names(uri: str) -> Iterable[str]:
    """All ends of a URI's path, by any of which a case may name the document."""
    segments = unquote(uri).split("/")
    return ("/".join(segments[start:]) for start in range(len(segments)) if segments[start])
