"""Only proposals that a person can confirm at a glance are kept; whoever reads them unconfirmed is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import pytest

from eval.cases.draft import Drafter, DraftReport, Rejection
from ingest.document import Chunk, Document, Hit
from ingest.snapshots.docstore import DocumentSummary
from service.generate import Message, Piece, Sampling
from service.question import Inquiry
from tests.fakes import terms
from tests.small_handbook import chunks_of, make_document

pytestmark = pytest.mark.anyio

RECEIPTS = "Receipts must reach the accounting office within thirty days of the journey."
CANTEEN = "The canteen opens at noon and closes at two, except on public holidays."
ALPHA = "Alpha is set to twice the rank, so that runs remain comparable with others."
BETA = "Beta is set to twice the rank, so that runs remain comparable with others."
CHINESE = "出差结束后三十天内，须将票据交到财务处，逾期不予报销，由本人自行承担全部费用。"


def reply(question: str, answer: str) -> str:
    """The two lines that are asked for."""
    return f"Question: {question}\nAnswer: {answer}"


@dataclass
class Library:
    """Documents of one sentence each, found by the share of the question's words that they hold."""

    documents: list[Document]

    def document_summaries(self) -> list[DocumentSummary]:
        return [DocumentSummary(d.id, d.uri, d.title, d.language, 0, "", d.uri, "") for d in self.documents]

    def chunks_of(self, document_id: str) -> Sequence[Chunk]:
        return chunks_of(next(document for document in self.documents if document.id == document_id))

    async def search(self, inquiry: Inquiry, k: int) -> Library.Found:
        wanted = terms(inquiry.question)
        chunks = [chunk for document in self.documents for chunk in chunks_of(document)]
        hits = [Hit(chunk, len(wanted & terms(chunk.text)) / len(wanted)) for chunk in chunks]
        return self.Found(sorted((hit for hit in hits if hit.score), key=lambda hit: -hit.score)[:k])

    @dataclass
    class Found:
        """The hits of a search."""

        hits: list[Hit]


@dataclass
class Proposer:
    """Replies to each sentence what it is told to."""

    replies: dict[str, str]
    languages: frozenset[str] = frozenset({"en"})
    name: str = "proposer"

    async def stream(self, messages: Sequence[Message], sampling: Sampling) -> AsyncGenerator[Piece]:
        asked = messages[-1].content
        yield Piece(next(reply for sentence, reply in self.replies.items() if sentence in asked))

    async def aclose(self) -> None: ...


async def drafted(replies: dict[str, str], count: int = 9, languages: str = "en") -> DraftReport:
    """What is kept where each sentence is a document of its own."""
    documents = [
        make_document(f"{number}.md", "Guide", sentence, "zh" if sentence == CHINESE else "en")
        for number, sentence in enumerate(replies)
    ]
    library = Library(documents)
    drafter = Drafter(library, library, Proposer(replies, frozenset(languages.split())))
    return await drafter.draft(count)


async def test_a_draft_names_its_sentence_and_quotes_the_answer() -> None:
    question = "Within how many days of a journey must receipts reach the accounting office?"
    report = await drafted({RECEIPTS: reply(question, '"thirty days".'), CANTEEN: "I am a model."})
    (case,) = report.cases
    assert (case.question, case.answers, case.language) == (question, ("thirty days",), "en")
    (place,) = case.relevant
    assert (place.document, place.evidence) == ("0.md", RECEIPTS)
    assert (place.start, place.end) == (0, len(RECEIPTS))
    assert (report.proposals, dict(report.rejected)) == (2, {Rejection.FORM: 1})


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("Question: Within how many days?", Rejection.FORM),
        (reply("The receipts must arrive.", "thirty days"), Rejection.FORM),
        (reply("票据须在多少天内交到财务处？", "thirty days"), Rejection.LANGUAGE),
        (reply("When must receipts reach the accounting office?", "in thirty days"), Rejection.NOT_QUOTED),
        (reply("Must receipts arrive within thirty days?", "thirty days"), Rejection.GIVEN_AWAY),
        (reply("Does any canteen open at noon?", "thirty days"), Rejection.NOT_FOUND),
        (reply("How many days does the canteen open?", "thirty days"), Rejection.AMBIGUOUS),
    ],
)
async def test_a_proposal_is_refused_for_what_is_wrong_with_it(said: str, reason: Rejection) -> None:
    report = await drafted({RECEIPTS: said, CANTEEN: ""})
    assert report.cases == ()
    assert report.rejected == Counter([reason, Rejection.FORM])


async def test_what_two_documents_say_alike_is_refused() -> None:
    report = await drafted(
        {
            ALPHA: reply("To what is it set, so that runs remain comparable?", "twice the rank"),
            BETA: reply("To what multiple of the rank is beta set?", "twice"),
        }
    )
    assert [case.question for case in report.cases] == ["To what multiple of the rank is beta set?"]
    assert report.rejected == {Rejection.AMBIGUOUS: 1}


async def test_the_same_question_is_kept_once() -> None:
    question = "Within how many days must receipts of the journey reach the accounting office?"
    # The second document holds none of the words of the first, so that nothing else is wrong with it.
    answer = reply(question, "thirty days")
    twice = {RECEIPTS: answer, "Within thirty days, it is said, the snow will have melted.": answer}
    report = await drafted(twice)
    assert [case.question for case in report.cases] == [question]
    assert report.rejected == {Rejection.REPEATED: 1}


async def test_chinese_is_drafted_where_the_generator_writes_it() -> None:
    replies = {CHINESE: "问题：出差结束后多少天内须将票据交到财务处？\n答案：三十天"}
    assert (await drafted(replies)).proposals == 0
    (case,) = (await drafted(replies, languages="en zh")).cases
    assert (case.language, case.answers) == ("zh", ("三十天",))


async def test_no_more_is_drafted_than_is_wanted() -> None:
    replies = {
        RECEIPTS: reply("Within how many days must receipts reach the accounting office?", "thirty days"),
        CANTEEN: reply("At what time does the canteen open, except on public holidays?", "noon"),
    }
    report = await drafted(replies, count=1)
    assert (len(report.cases), report.proposals) == (1, 1)
    assert report == await drafted(replies, count=1)
