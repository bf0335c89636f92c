"""What labels files hold, whatever form they are in: the ground of ``finetune.recommend``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from pathlib import Path

from eval.cases.case import Case
from eval.cases.rows import read_rows
from finetune.data.imports.convert import ordered_pairs
from finetune.data.imports.forms import form_of
from finetune.data.imports.read import import_rows
from finetune.data.passages import find_words
from finetune.data.questions import questions_file, read_questions
from finetune.data.row_files import read_examples, read_judged, read_pairs, read_rankings
from finetune.data.rows import (
    ExampleKind,
    JudgedAnswer,
    PreferencePair,
    RankedAnswers,
    Row,
    TrainingExample,
)
from ingest.errors import CasesError, TrainingDataError

# Up to here, a right answer nearly always agrees with the gold one word for word.
_SHORT_WORDS = 8
_SHORT_CHARACTERS = 16


class _Label(StrEnum):
    GOLD = "gold"
    VERIFIABLE = "verifiable"
    REFUSAL = "refusals"
    GENERAL = "general"
    PAIR = "pairs"
    UP = "thumbs_up"
    DOWN = "thumbs_down"


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """How many labels there are of each kind.

    Attributes:
        gold: questions with their right answer.
        verifiable: those of them whose answer is short and stands in a passage, so that a program can tell
            whether another answer is right.
        refusals: questions known to have no answer.
        general: instructions without passages.
        pairs: a better and a worse answer; a ranking counts as all its pairs.
        thumbs_up, thumbs_down: answers judged by themselves.
    """

    gold: int = 0
    verifiable: int = 0
    refusals: int = 0
    general: int = 0
    pairs: int = 0
    thumbs_up: int = 0
    thumbs_down: int = 0


def count_labels(paths: Sequence[Path]) -> LabelCounts:
    """Count the labels of all files: questions, rows of ``finetune data``, or data made elsewhere.

    Raises:
        TrainingDataError: a file has none of these forms.
    """
    counts = Counter(chain.from_iterable(_labels_of_file(path) for path in paths))
    return LabelCounts(**{label.value: counts[label] for label in _Label})


def _labels_of_file(path: Path) -> Iterable[_Label]:
    file = questions_file(path)
    try:
        first = next(iter(read_rows(file)))
    except CasesError as error:
        raise TrainingDataError(str(error)) from error
    if "dataset_sha256" in first.values:
        rows = _own_rows(file, first.values.keys())
    elif form_of(first) is not None:
        rows = import_rows(file)
    else:
        return chain.from_iterable(map(_labels_of_question, read_questions(file)))
    return chain.from_iterable(map(_labels_of_row, rows))


def _own_rows(path: Path, keys: Iterable[str]) -> Sequence[Row]:
    fields = frozenset(keys)
    if "target" in fields:
        return read_examples(path)
    if "good" in fields:
        return read_judged(path)
    return read_rankings(path) if "ranks" in fields else read_pairs(path)


def _labels_of_row(row: Row) -> Iterable[_Label]:
    match row:
        case TrainingExample(kind=ExampleKind.GOLD):
            yield _Label.GOLD
            if _is_verifiable(row.answers, row.sources, row.language):
                yield _Label.VERIFIABLE
        case TrainingExample(kind=ExampleKind.REFUSAL):
            yield _Label.REFUSAL
        case TrainingExample():
            yield _Label.GENERAL
        case PreferencePair():
            yield _Label.PAIR
        case JudgedAnswer():
            yield _Label.UP if row.good else _Label.DOWN
        case RankedAnswers():
            yield from (_Label.PAIR for _ in ordered_pairs(row))


def _labels_of_question(case: Case) -> Iterable[_Label]:
    if not case.answerable:
        yield _Label.REFUSAL
        return
    yield _Label.GOLD
    shown = [passage.text for passage in case.passages if passage.relevant]
    shown += [place.evidence for place in case.relevant if place.evidence]
    # A question alone comes with nothing that its answer could be looked up in.
    if _is_verifiable(case.answers, shown or case.answers, case.language):
        yield _Label.VERIFIABLE


def _is_verifiable(answers: Sequence[str], passages: Sequence[str], language: str) -> bool:
    short = [answer for answer in answers if _is_short(answer, language)]
    return any(find_words(text, answer) for answer in short for text in passages)


def _is_short(answer: str, language: str) -> bool:
    if language.partition("-")[0] in {"zh", "ja"}:
        return len(answer) <= _SHORT_CHARACTERS
    return len(answer.split()) <= _SHORT_WORDS
