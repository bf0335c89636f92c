"""Questions that nobody confirmed are kept only if the service answers them as they were meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.cases.case import Case, CasePassage
from eval.cases.draft import Rejection
from eval.cases.forms.own import write_cases
from eval.cases.read import read_cases
from finetune.data.synthetic import IN_EVALUATION, NOT_ANSWERED, SyntheticReport, synthesize
from service.answer import Answer, Degradation, Usage
from service.question import Inquiry
from tests.eval.cases.test_draft import CANTEEN, CHINESE, RECEIPTS, Library, Proposer, reply
from tests.small_handbook import make_document

pytestmark = pytest.mark.anyio

RECEIPTS_QUESTION = "Within how many days must receipts reach the accounting office?"
CANTEEN_QUESTION = "At what time does the canteen open, except on public holidays?"
CHINESE_QUESTION = "出差结束后多少天内须将票据交到财务处？"
REPLIES = {
    RECEIPTS: reply(RECEIPTS_QUESTION, "thirty days"),
    CANTEEN: reply(CANTEEN_QUESTION, "noon"),
    CHINESE: f"问题：{CHINESE_QUESTION}\n答案：三十天",
}


class Service(Library):
    """Answers each question as it is told to."""

    said: dict[str, str]
    degraded: Degradation | None = None

    async def answer(self, inquiry: Inquiry) -> Answer:
        text = self.said.get(inquiry.question, "")
        return Answer(
            id="a", question=inquiry.question, text=text, language="en", citations=(), passages=(),
            abstained=not text, groundedness=1, evidence=1, invented_markers=0, degraded=self.degraded,
            generator="g", prompt_id="p", release="base", collection="c", snapshot_id="s", timings_ms={},
            usage=Usage(), created_at="",
        )  # fmt: skip


async def made(
    said: dict[str, str], *evaluation: Case, degraded: Degradation | None = None
) -> SyntheticReport:
    service = Service(
        [
            make_document(f"{n}.md", "Guide", text, "zh" if text == CHINESE else "en")
            for n, text in enumerate(REPLIES)
        ]
    )
    service.said, service.degraded = said, degraded
    proposer = Proposer(REPLIES, frozenset({"en", "zh"}))
    return await synthesize(service, service, proposer, count=9, evaluation=evaluation)


RIGHT = {
    RECEIPTS_QUESTION: "Within thirty days. [1]",
    CANTEEN_QUESTION: "noon",
    CHINESE_QUESTION: "三十天内。",
}


async def test_what_comes_back_is_kept_marked_and_can_be_built_from(tmp_path: Path) -> None:
    report = await made(RIGHT)
    assert {case.question for case in report.cases} == RIGHT.keys()
    assert all(case.tags == ("synthetic",) and case.id.startswith("synthetic-") for case in report.cases)
    assert (report.proposals, report.rejected) == (3, {})
    write_cases(tmp_path / "synthetic.jsonl", report.cases)
    assert read_cases(tmp_path / "synthetic.jsonl") == report.cases


async def test_what_is_answered_otherwise_or_not_at_all_is_refused() -> None:
    report = await made({RECEIPTS_QUESTION: "Within ten weeks. [1]", CHINESE_QUESTION: "三十天"})
    assert [case.question for case in report.cases] == [CHINESE_QUESTION]
    assert report.rejected == {NOT_ANSWERED: 2}


async def test_an_answer_that_is_only_quoted_proves_nothing() -> None:
    assert (await made(RIGHT, degraded=Degradation.UNSUPPORTED)).rejected == {NOT_ANSWERED: 3}


async def test_what_stands_in_evaluation_cases_is_refused() -> None:
    same = Case("a", RECEIPTS_QUESTION.lower(), "en", ("30",), answerable=True)
    passage = CasePassage(f"Note: {CHINESE}", relevant=True)
    near = Case("b", "什么时候？", "zh", ("三十天",), answerable=True, passages=(passage,))
    report = await made(RIGHT, same, near)
    assert [case.question for case in report.cases] == [CANTEEN_QUESTION]
    assert report.rejected == {IN_EVALUATION: 2}


async def test_the_filters_of_drafting_hold_here_too() -> None:
    again = REPLIES | {CANTEEN: reply("At what time does the canteen open at noon?", "noon")}
    service = Service([make_document(f"{n}.md", "Guide", text) for n, text in enumerate(again)])
    service.said = RIGHT
    report = await synthesize(service, service, Proposer(again), count=9)
    assert report.rejected[Rejection.GIVEN_AWAY.value] == 1
