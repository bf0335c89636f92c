"""What mining gives: rows of every kind, and what was left out, with the reason."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from finetune.data.redact import NameFinder, Redactor, redact_row
from finetune.data.rows import JudgedAnswer, PreferencePair, RankedAnswers, TrainingExample
from ingest.snapshots.durable import replace_text

Kept = TypeVar("Kept")


class Blame(StrEnum):
    """What the retriever did wrong."""

    WRONG_CITATION = "wrong_citation"
    """It found a passage that looks right and is not."""
    NOT_RETRIEVED = "not_retrieved"
    """It did not find the passage that holds the answer, or found a worse one."""
    NOT_FOUND = "not_found"
    """It did not find the answer, and nor does a search for it: the collection may lack it."""


class LeftOut(StrEnum):
    """Why something that was said teaches the generator nothing, or not all that it might."""

    OTHER_PROMPT = "answer to another prompt"
    NOT_GENERATED = "answer not written by the model"
    REFUSAL = "refusal judged down without a correction"
    RETRIEVAL = "retrieval is to blame"
    SAME_TEXT = "correction repeats the answer"
    OTHER_PASSAGES = "answer compared with one made from other passages"
    UNCLEAR_CITATION = "comment that does not say which citation is wrong"
    REPEATED = "the same was said of an equal answer"
    CONTRADICTED = "readers contradict each other"


@dataclass(frozen=True, slots=True)
class RetrievalRow:
    """A question for the training of the retriever.

    ``positive`` is the passage that answers it, None where that is not known; ``negatives`` are passages that
    look as if they did. ``id`` names the answer that this was learned from.
    """

    id: str
    query: str
    positive: str | None
    negatives: tuple[str, ...]
    reason: Blame
    language: str


@dataclass(slots=True)
class Mined:
    """All rows in the order of the judgements, and how often something was left out."""

    examples: list[TrainingExample] = field(default_factory=list[TrainingExample])
    pairs: list[PreferencePair] = field(default_factory=list[PreferencePair])
    judged: list[JudgedAnswer] = field(default_factory=list[JudgedAnswer])
    ranked: list[RankedAnswers] = field(default_factory=list[RankedAnswers])
    retrieval: list[RetrievalRow] = field(default_factory=list[RetrievalRow])
    left_out: Counter[LeftOut] = field(default_factory=Counter[LeftOut])

    def settle(self) -> None:
        """Keep once what was said several times, and nothing of what readers contradict each other in."""
        self.examples = self._agreed(self.examples, lambda row: (row.messages, row.target), lambda _: None)
        self.pairs = self._agreed(
            self.pairs,
            lambda row: (row.messages, frozenset((row.chosen, row.rejected))),
            lambda row: row.chosen,
        )
        self.judged = self._agreed(self.judged, lambda row: (row.messages, row.answer), lambda row: row.good)
        self.ranked = self._agreed(
            self.ranked, lambda row: (row.messages, frozenset(row.answers)), lambda row: row.answers
        )
        self.retrieval = self._agreed(
            self.retrieval, lambda row: (row.query, row.positive, row.negatives), lambda _: None
        )

    def redact(self, names: NameFinder | None) -> None:
        """Put placeholders in the place of personal data."""
        self.examples = [redact_row(row, names)[0] for row in self.examples]
        self.pairs = [redact_row(row, names)[0] for row in self.pairs]
        self.judged = [redact_row(row, names)[0] for row in self.judged]
        self.ranked = [redact_row(row, names)[0] for row in self.ranked]
        self.retrieval = [_redacted(row, names) for row in self.retrieval]

    @property
    def kinds(self) -> dict[str, Sequence[Any]]:
        """The rows by the method that learns from them."""
        return {
            "sft": self.examples,
            "dpo": self.pairs,
            "kto": self.judged,
            "rank": self.ranked,
            "retrieval": self.retrieval,
        }

    def blame(self) -> dict[str, int]:
        """How many rows of the retriever there are, by what it did wrong."""
        return dict(Counter(row.reason.value for row in self.retrieval))

    def write(self, folder: Path) -> dict[str, Path]:
        """Write ``feedback.KIND.jsonl`` for each kind that has rows; what an earlier mining left goes.

        Returns the files by kind: see ``kinds``.
        """
        written: dict[str, Path] = {}
        for kind, kept in self.kinds.items():
            path = folder / f"feedback.{kind}.jsonl"
            if not kept:
                path.unlink(missing_ok=True)
                continue
            folder.mkdir(parents=True, exist_ok=True)
            lines = (json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in kept)
            replace_text(path, "".join(lines))
            written[kind] = path
        return written

    def _agreed(
        self,
        rows: Iterable[Kept],
        about: Callable[[Kept], Hashable],
        said: Callable[[Kept], Hashable],
    ) -> list[Kept]:
        kept: dict[Hashable, list[Kept]] = {}
        for row in rows:
            kept.setdefault(about(row), []).append(row)
        agreed: list[Kept] = []
        for same in kept.values():
            if len({said(row) for row in same}) > 1:
                self.left_out[LeftOut.CONTRADICTED] += len(same)
            else:
                agreed.append(same[0])
                self.left_out.update([LeftOut.REPEATED] * (len(same) - 1))
        return agreed


def _redacted(row: RetrievalRow, names: NameFinder | None) -> RetrievalRow:
    redactor = Redactor(row.language, names)
    return replace(
        row,
        query=redactor.text(row.query),
        positive=None if row.positive is None else redactor.text(row.positive),
        negatives=redactor.texts(row.negatives),
    )
