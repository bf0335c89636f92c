"""An answer in the making: what is known of it so far, and the whole at the end."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ingest.snapshots.snapshot import Snapshot
from ingest.words.language import detect_language
from service.abstention.judge import Judgement
from service.answer import Answer, Degradation, Delta, Passage, Usage
from service.grounding.cite import Cited, Citer
from service.grounding.entailment import Entailment
from service.grounding.support import Grounding
from service.prompt import PROMPT_ID
from service.question import Inquiry
from service.retrieval.search import Found


@dataclass(slots=True)
class Draft:
    """Filled from stage to stage; ``found`` stays None for an answer from given passages.

    ``entailment`` judges its sentences besides the words that they share, where a model for that is set.
    """

    inquiry: Inquiry
    entailment: Entailment | None = None
    started: float = field(default_factory=time.perf_counter)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    found: Found | None = None
    passages: tuple[Passage, ...] = ()
    judgement: Judgement = field(default_factory=Judgement)
    text: str = ""
    space: str = ""
    invented: int = 0
    abstained: bool = False
    writer: str = "none"
    degraded: Degradation | None = None
    usage: Usage = field(default_factory=Usage)
    timings_ms: dict[str, float] = field(default_factory=dict[str, float])
    language: str = field(init=False)

    def __post_init__(self) -> None:
        self.language = detect_language(self.question)

    @property
    def question(self) -> str:
        """The question as it was asked."""
        return self.inquiry.question

    @property
    def meant(self) -> str:
        """The question to answer: a follow-up as the generator wrote it anew, or as it was asked."""
        return self.question if self.found is None else self.found.question

    @property
    def lacks_json(self) -> bool:
        """Whether JSON was asked for, and what came instead of the generator's is none."""
        return self.inquiry.json_schema is not None and self.degraded is not None

    @property
    def markers(self) -> set[int]:
        """The numbers that a citation may name."""
        return {passage.marker for passage in self.judgement.sources}

    def citer(self, grounding: Grounding) -> Citer:
        """Looks for what bears the answer out, among the passages that it may be made from."""
        return Citer(self.meant, self.judgement.sources, grounding)

    def mark(self, stage: str) -> None:
        """Note when ``stage`` ended, in milliseconds since the question came."""
        self.timings_ms[stage] = round((time.perf_counter() - self.started) * 1e3, 3)

    def emit(self, text: str) -> list[Delta]:
        """Add ``text`` to the answer; what is shown now. White space waits for what comes behind it."""
        written = (self.text + self.space + text).lstrip()
        shown = written.rstrip()
        self.space = written[len(shown) :]
        new = shown[len(self.text) :]
        if new and not self.text:
            self.mark("first_token")
        self.text = shown
        return [Delta(new)] if new else []

    def answer(self, cited: Cited, release: str, snapshot: Snapshot) -> Answer:
        """The whole answer."""
        self.mark("total")
        return Answer(
            id=self.id,
            question=self.question,
            text=self.text,
            language=self.language,
            citations=cited.citations,
            passages=self.passages,
            abstained=self.abstained,
            groundedness=cited.groundedness,
            evidence=round(self.judgement.evidence, 4),
            invented_markers=self.invented,
            degraded=self.degraded,
            generator=self.writer,
            prompt_id=PROMPT_ID,
            release=release,
            collection=snapshot.manifest.collection,
            snapshot_id=snapshot.id,
            timings_ms=self.timings_ms,
            usage=self.usage,
            created_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            standalone_question=self.found.standalone_question if self.found else None,
            queries=self.found.queries if self.found else (),
            reranking=self.found.reranking if self.found else None,
            asker=self.inquiry.asker,
            sentences=cited.sentences,
            answerability=self.judgement.answerability,
            suspicious=self.judgement.suspicious,
        )
