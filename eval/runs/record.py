"""What came of one case: everything that a figure, a report or a comparison needs, as plain values.

A run is a file of these records, so that it can be interrupted, read again and measured in a new way
without asking a model twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from eval.cases.case import Case


@dataclass(frozen=True, slots=True)
class PassageRecord:
    """A passage that the generator saw; ``relevant`` is None where the case doesn't say what is."""

    marker: int
    uri: str
    title: str
    start: int
    end: int
    text: str
    score: float
    relevant: bool | None


@dataclass(frozen=True, slots=True)
class CitationRecord:
    """A citation and what was checked of it.

    ``exact``: the quote is the source's text at its span. ``right``: it leads to where the answer is; None
    where the case doesn't say where that is. ``supported`` is what the service said of it.
    """

    marker: int
    uri: str
    answer_start: int
    answer_end: int
    quote: str
    quote_start: int
    quote_end: int
    page: int | None
    supported: bool
    exact: bool
    right: bool | None


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """What the service answered; the fields are those of ``service.answer.Answer``."""

    text: str
    language: str
    abstained: bool
    evidence: float
    groundedness: float
    invented_markers: int
    degraded: str | None
    cache: str | None
    generator: str
    prompt_id: str
    release: str
    snapshot_id: str
    passages: tuple[PassageRecord, ...]
    citations: tuple[CitationRecord, ...]
    timings_ms: Mapping[str, float]
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer: the code and message of the error."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """A case with its answer, or with why there is none; exactly one of the two is given.

    ``case`` comes without its passages, which the answer's show. ``ranks`` has the rank, from 1, of each
    expected document among those of the best hits of the search, 0 where it is not among them; None where
    no document is expected or retrieval was left out. Times in milliseconds; ``first_token_ms`` is None
    where the answer came whole.
    """

    case: Case
    answer: AnswerRecord | None
    failure: Failure | None = None
    ranks: tuple[int, ...] | None = None
    first_token_ms: float | None = None
    total_ms: float = 0.0

    @property
    def found_at(self) -> int | None:
        """The best of the ranks: 0 where no expected document was found, None where none is expected."""
        return None if self.ranks is None else min(filter(None, self.ranks), default=0)


def failed_record(case: Case, failure: Failure, total_ms: float) -> CaseRecord:
    """The record of a case that could not be answered."""
    return CaseRecord(replace(case, passages=()), None, failure, total_ms=total_ms)


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """What a run is a run of: who reads its figures can tell what they hold for.

    ``cases_sha256`` is the digest of the cases in their order, ``settings_sha256`` that of the settings that
    the answers depend on; ``libraries`` are the versions of the libraries that take part. ``collection`` and
    ``snapshot_id`` are None for an oracle run. ``url`` is None where the pipeline ran in process; where it is
    a server's, nothing is known of its settings and libraries, and theirs are empty. ``refusal_bias`` is that
    of the release, in logits, which is no part of its weights and so of its name; None where it is unknown.
    """

    name: str
    created_at: str
    cases_path: str
    cases_sha256: str
    case_count: int
    seed: int
    generator: str
    prompt_id: str
    release: str
    collection: str | None
    snapshot_id: str | None
    url: str | None
    settings_sha256: str
    troika_version: str
    libraries: Mapping[str, str] = field(default_factory=dict[str, str])
    refusal_bias: float | None = None
