"""Records of cases as an evaluation leaves them, made by hand."""

from __future__ import annotations

from dataclasses import replace

from eval.cases.case import Case, Relevant
from eval.runs.record import AnswerRecord, CaseRecord, CitationRecord, Failure, PassageRecord, RunIdentity

IDENTITY = RunIdentity(
    name="handbook",
    created_at="2026-11-21T10:00:00+00:00",
    cases_path="examples/questions.jsonl",
    cases_sha256="c" * 64,
    case_count=6,
    seed=7,
    generator="llama-cpp",
    prompt_id="p1",
    release="base",
    collection="default",
    snapshot_id="s1",
    url=None,
    settings_sha256="5" * 64,
    troika_version="0.1.0",
    libraries={"numpy": "2.4.0"},
)
SOURCE = "At most 256 word pieces are read. The rest is ignored."


def passage(*, relevant: bool | None = True, marker: int = 1, text: str = SOURCE) -> PassageRecord:
    return PassageRecord(marker, "file:///docs/a.md", "A", 100, 100 + len(text), text, 0.9, relevant)


def citation(start: int, end: int, quote: str = "At most 256 word pieces are read.") -> CitationRecord:
    quote_start = 100 + SOURCE.index(quote)
    return CitationRecord(
        marker=1,
        uri="file:///docs/a.md",
        answer_start=start,
        answer_end=end,
        quote=quote,
        quote_start=quote_start,
        quote_end=quote_start + len(quote),
        page=3,
        supported=True,
        exact=True,
        right=True,
    )


ANSWER = AnswerRecord(
    text="It reads 256 word pieces [1].",
    language="en",
    abstained=False,
    evidence=0.8,
    groundedness=1.0,
    invented_markers=0,
    degraded=None,
    cache=None,
    generator="llama-cpp",
    prompt_id="p1",
    release="base",
    snapshot_id="s1",
    passages=(passage(),),
    citations=(citation(0, 29),),
    timings_ms={"retrieve": 5.0, "generate": 80.0},
    prompt_tokens=200,
    completion_tokens=12,
)
CASE = Case(
    id="right",
    question="How many word pieces are read?",
    language="en",
    answers=("256 word pieces",),
    answerable=True,
    relevant=(Relevant("a.md", "At most 256 word pieces are read."),),
    tags=("facts",),
)
RIGHT = CaseRecord(CASE, ANSWER, ranks=(1,), first_token_ms=20.0, total_ms=90.0)
WRONG = CaseRecord(
    replace(CASE, id="wrong", answers=("三千",), language="zh"),
    replace(ANSWER, text="二百五十六 [1]。", language="zh", citations=(citation(0, 8),)),
    ranks=(2,),
    first_token_ms=30.0,
    total_ms=110.0,
)
MISSED = CaseRecord(
    replace(CASE, id="missed"),
    replace(ANSWER, text="About ten.", passages=(passage(relevant=False),), citations=(), groundedness=0.0),
    ranks=(0,),
    first_token_ms=22.0,
    total_ms=70.0,
)
REFUSED = CaseRecord(
    replace(CASE, id="refused", tags=("facts", "hard")),
    replace(ANSWER, text="The documents don't say.", abstained=True, citations=(), evidence=0.1),
    ranks=(1,),
    total_ms=15.0,
)
INVENTED = CaseRecord(
    replace(CASE, id="invented", answers=(), answerable=False, relevant=()),
    replace(ANSWER, passages=(passage(relevant=None),)),
    first_token_ms=21.0,
    total_ms=95.0,
)
REFUSED_RIGHTLY = CaseRecord(
    replace(CASE, id="refused rightly", answers=(), answerable=False, relevant=()),
    replace(ANSWER, text="The documents don't say.", abstained=True, citations=(), evidence=0.05),
    total_ms=14.0,
)
FAILED = CaseRecord(replace(CASE, id="failed"), None, Failure("generator_failed", "it broke."), total_ms=3.0)
RECORDS = (RIGHT, WRONG, MISSED, REFUSED, INVENTED, REFUSED_RIGHTLY, FAILED)
