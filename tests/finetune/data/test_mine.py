"""What readers said through the API's own objects becomes rows, and the right part is blamed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from finetune.data.mine import CORRECTED, PREFERRED, mine
from finetune.data.mine_evidence import Collection, NoCollection
from finetune.data.mine_rows import Blame, LeftOut, Mined
from finetune.data.row_files import read_examples, read_judged, read_pairs, read_rankings
from finetune.data.rows import ExampleKind
from ingest.document import Chunk
from service.answer import Answer, Degradation, Finished, Passage, Served
from service.grounding.support import Grounding
from service.history.feedback import Feedback, new_feedback, timestamp
from service.history.history import History
from service.prompt import PROMPT_ID, render, template_for
from service.question import Inquiry
from tests.fakes import MemoryPipeline, terms
from tests.small_handbook import chunks_of, small_handbook

CHUNKS = [chunk for document in small_handbook() for chunk in chunks_of(document)]
ENGLISH, CHINESE = "What is the default rank of an adapter?", "每一条引用都指向哪里？"


class Handbook:
    """The whole collection, by shared words."""

    grounding = Grounding(lambda _: 1, len(CHUNKS))

    def search(self, query: str, k: int) -> Sequence[Chunk]:
        wanted = terms(query)
        return sorted(CHUNKS, key=lambda chunk: -len(wanted & terms(chunk.text)))[:k]


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    opened = History(tmp_path / "history.sqlite")
    yield opened
    opened.close()


def answered(history: History, question: str = ENGLISH, **changed: Any) -> Answer:
    """An answer as the pipeline makes it and the history keeps it, but for what is ``changed``."""

    async def ask() -> Answer:
        async for event in MemoryPipeline(small_handbook()).stream(Inquiry(question)):
            if isinstance(event, Finished):
                return event.answer
        raise AssertionError

    answer = replace(asyncio.run(ask()), **changed)
    history.keep(answer)
    return answer


def mined(history: History, *said: Feedback, collection: Collection | None = None) -> Mined:
    for feedback in said:
        history.add_feedback(feedback)
    return mine(history, lambda _: collection or Handbook())


def passage(chunk: Chunk, marker: int = 1) -> Passage:
    return Passage(marker, chunk, 1.0)


def holding(words: str) -> Chunk:
    return next(chunk for chunk in CHUNKS if words in chunk.text)


@pytest.mark.parametrize(
    ("question", "correction"),
    [(ENGLISH, "A rank of 16 is the default."), (CHINESE, "引用的文字与原文逐字相同，读者可以自己核对。")],
)
def test_a_correction_that_a_passage_bears_out_is_learned_with_its_citation(
    history: History, question: str, correction: str
) -> None:
    answer = answered(history, question)
    rows = mined(history, new_feedback(answer.id, "down", correction))
    (example,) = rows.examples
    marker = next(p.marker for p in answer.passages if correction[:-1] in p.chunk.text)
    assert example.target == f"{correction} [{marker}]"
    assert example.messages == render(question, answer.passages, answer.language)
    assert (example.kind, example.answers) == (ExampleKind.GOLD, (correction,))
    assert (example.id, example.prompt_id) == (f"feedback:{answer.id}", PROMPT_ID)
    (pair,) = rows.pairs
    assert (pair.chosen, pair.rejected, pair.reason) == (example.target, answer.text, CORRECTED)
    (judged,) = rows.judged
    assert (judged.answer, judged.good) == (answer.text, False)
    assert rows.retrieval == []


def test_a_reader_s_own_citation_counts_and_the_one_it_replaces_was_wrong(history: History) -> None:
    answer = answered(history)
    cited = {citation.marker for citation in answer.citations}
    other = next(p for p in answer.passages if p.marker not in cited)
    rows = mined(history, new_feedback(answer.id, "down", f"Sixteen. [{other.marker}] [99]"))
    assert rows.examples[0].target == f"Sixteen. [{other.marker}]"
    (row,) = rows.retrieval
    assert (row.positive, row.reason) == (other.chunk.text, Blame.WRONG_CITATION)
    assert set(row.negatives) == {citation.chunk.text for citation in answer.citations}


def test_retrieval_is_blamed_when_the_passages_lack_what_the_collection_holds(history: History) -> None:
    lacking = answered(history, passages=(passage(holding("freezes the weights")),), citations=())
    rows = mined(history, new_feedback(lacking.id, "down", "A rank of 16 is the default."))
    assert (rows.examples, rows.pairs, rows.judged) == ([], [], [])
    (row,) = rows.retrieval
    assert (row.query, row.reason) == (ENGLISH, Blame.NOT_RETRIEVED)
    assert row.positive == holding("16 is the default").text
    assert rows.left_out == {LeftOut.RETRIEVAL: 1}


def test_what_stands_nowhere_is_not_taught(history: History) -> None:
    answer = answered(history)
    rows = mined(history, new_feedback(answer.id, "down", "The default rank is 64 since May."))
    assert rows.examples == []
    (row,) = rows.retrieval
    assert (row.positive, row.reason) == (None, Blame.NOT_FOUND)
    assert set(row.negatives) == {citation.chunk.text for citation in answer.citations}


def test_a_passage_that_says_it_much_better_blames_retrieval_too(history: History) -> None:
    vague = replace(
        holding("16 is the default"), id="v", document_id="other", text="Choose a rank of 16, or more."
    )
    answer = answered(history, "Which rank?", passages=(passage(vague),), citations=())
    said = new_feedback(answer.id, "down", "A rank of 16 is enough.")
    assert [row.reason for row in mined(history, said).retrieval] == [Blame.NOT_RETRIEVED]


def test_without_the_collection_the_passages_still_decide(history: History) -> None:
    answer, lacking = answered(history), answered(history, passages=())
    rows = mined(
        history,
        new_feedback(answer.id, "down", "A rank of 16 is the default."),
        new_feedback(lacking.id, "down", "A rank of 16 is the default."),
        collection=NoCollection(),
    )
    assert [row.id for row in rows.examples] == [f"feedback:{answer.id}"]
    assert [row.reason for row in rows.retrieval] == [Blame.NOT_FOUND]


def test_a_correction_to_a_refusal_teaches_to_refuse(history: History) -> None:
    answer = answered(history)
    (example,) = mined(history, new_feedback(answer.id, "down", "I don’t know: it is not there.")).examples
    assert (example.target, example.answers) == (template_for("en").refusal, ())
    assert example.kind is ExampleKind.REFUSAL


def test_thumbs_become_judged_answers(history: History) -> None:
    good, bad = answered(history), answered(history, CHINESE)
    rows = mined(history, new_feedback(good.id, "up"), new_feedback(bad.id, "down"))
    assert [(row.answer, row.good, row.language) for row in rows.judged] == [
        (good.text, True, "en"),
        (bad.text, False, "zh"),
    ]


def test_a_refusal_that_is_judged_down_blames_nobody(history: History) -> None:
    answer = answered(history, text=template_for("en").refusal, abstained=True, citations=())
    rows = mined(history, new_feedback(answer.id, "down"))
    assert (rows.judged, rows.left_out) == ([], {LeftOut.REFUSAL: 1})


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"generator": "extractive"}, LeftOut.NOT_GENERATED),
        ({"generator": "none", "abstained": True}, LeftOut.NOT_GENERATED),
        ({"degraded": Degradation.UNSUPPORTED}, LeftOut.NOT_GENERATED),
        ({"cache": Served.SEMANTIC}, LeftOut.NOT_GENERATED),
        ({"generator": "curated", "cache": Served.FAQ}, LeftOut.NOT_GENERATED),
        ({"prompt_id": "old"}, LeftOut.OTHER_PROMPT),
    ],
)
def test_words_that_the_model_did_not_write_to_this_prompt_are_not_held_against_it(
    history: History, changed: dict[str, Any], reason: LeftOut
) -> None:
    answer = answered(history, **changed)
    rows = mined(history, new_feedback(answer.id, "down", "A rank of 16 is the default."))
    assert (rows.judged, rows.pairs, rows.left_out) == ([], [], {reason: 1})
    assert [row.prompt_id for row in rows.examples] == [PROMPT_ID]  # the reader's words are still right


def test_the_last_verdict_counts_with_what_was_added_to_it(history: History) -> None:
    kept, taken_back = answered(history), answered(history, CHINESE)
    rows = mined(
        history,
        new_feedback(kept.id, "up"),
        new_feedback(kept.id, "down"),
        new_feedback(kept.id, "down", "A rank of 8 is the default. [1]"),
        new_feedback(kept.id, "down", "A rank of 16 is the default. [1]"),
        new_feedback(kept.id, "down", "[2]", comment="see above"),
        new_feedback(taken_back.id, "down", "原文。"),
        new_feedback(taken_back.id, "up"),
    )
    assert [row.target for row in rows.examples] == ["A rank of 16 is the default. [1]"]
    assert [(row.answer, row.good) for row in rows.judged] == [(kept.text, False), (taken_back.text, True)]


@pytest.mark.parametrize(
    ("comment", "marked"),
    [
        (None, True),
        ("The citation [{}] does not support this", False),
        ("wrong source: [{}]", False),
        ("引用[{}]有误", False),
        ("[{}]来源不对", False),
    ],
)
def test_a_wrong_citation_becomes_a_hard_negative(
    history: History, comment: str | None, marked: bool
) -> None:
    answer = answered(history)
    wrong = answer.citations[0]
    said = new_feedback(
        answer.id,
        "down",
        comment=comment and comment.format(wrong.marker),
        wrong_citations=[wrong.marker] if marked else (),
    )
    (row,) = mined(history, said).retrieval
    assert (row.query, row.positive, row.negatives) == (ENGLISH, None, (wrong.chunk.text,))
    assert row.reason is Blame.WRONG_CITATION


def test_a_comment_that_names_no_citation_counts_only_where_there_is_one(history: History) -> None:
    two = answered(history)
    one = answered(history, citations=two.citations[:1])
    assert len({citation.marker for citation in two.citations}) == 2
    said = [new_feedback(answer.id, "down", comment="Wrong citation!") for answer in (two, one)]
    rows = mined(history, *said)
    assert [row.id for row in rows.retrieval] == [f"feedback:{one.id}"]
    assert rows.left_out[LeftOut.UNCLEAR_CITATION] == 1


def test_a_correction_is_not_cited_from_a_passage_that_was_called_wrong(history: History) -> None:
    answer = answered(history)
    marker = next(p.marker for p in answer.passages if "16 is the default" in p.chunk.text)
    said = new_feedback(answer.id, "down", "A rank of 16 is the default.", wrong_citations=[marker])
    rows = mined(history, said, collection=NoCollection())
    assert rows.examples == []
    assert holding("16 is the default").text in rows.retrieval[0].negatives


def test_a_preferred_answer_beats_the_other_from_the_same_passages(history: History) -> None:
    worse = answered(history, text="No idea. [1]")
    better, elsewhere = answered(history), answered(history, text="Sixteen.", passages=())
    rows = mined(
        history,
        new_feedback(better.id, "up", preferred_over=worse.id),
        new_feedback(elsewhere.id, "up", preferred_over=worse.id),
    )
    (pair,) = rows.pairs
    assert (pair.chosen, pair.rejected, pair.reason) == (better.text, worse.text, PREFERRED)
    assert rows.left_out == {LeftOut.OTHER_PASSAGES: 1}


def test_a_ranking_keeps_the_order_of_what_was_written_to_the_same_prompt(
    history: History, tmp_path: Path
) -> None:
    first, third = answered(history), answered(history, text="No idea. [1]")
    second, same = answered(history, text="Sixteen. [1]"), answered(history, text="No idea. [1]")
    elsewhere = answered(history, text="8.", passages=())
    order = [answer.id for answer in (first, elsewhere, second, third, same)]
    said = [
        new_feedback(first.id, ranking=[third.id, first.id]),
        new_feedback(first.id, ranking=[*order, "deleted"]),
    ]
    rows = mined(history, *said)
    (ranked,) = read_rankings(rows.write(tmp_path)["rank"])
    assert [ranked] == rows.ranked
    assert (ranked.answers, ranked.ranks) == ((first.text, second.text, third.text), (0, 1, 2))
    assert ranked.messages == render(ENGLISH, first.passages, "en")
    assert (rows.judged, rows.left_out) == ([], {LeftOut.OTHER_PASSAGES: 1})


def test_a_correction_without_a_thumb_says_that_the_answer_was_not_right(history: History) -> None:
    answer, praised = answered(history), answered(history, CHINESE)
    rows = mined(
        history,
        new_feedback(answer.id, correction="A rank of 16 is the default. [1]"),
        new_feedback(praised.id, "up"),
        new_feedback(praised.id, comment="谢谢"),
    )
    assert [(row.answer, row.good) for row in rows.judged] == [(answer.text, False), (praised.text, True)]
    assert [pair.rejected for pair in rows.pairs] == [answer.text]


def test_readers_who_contradict_each_other_teach_nothing_and_those_who_agree_once(history: History) -> None:
    first, second, third = answered(history), answered(history), answered(history, CHINESE)
    again = answered(history, CHINESE)
    rows = mined(
        history,
        new_feedback(first.id, "up"),
        new_feedback(second.id, "down"),
        new_feedback(third.id, "up"),
        new_feedback(again.id, "up"),
    )
    assert [row.id for row in rows.judged] == [f"feedback:{third.id}"]
    assert rows.left_out == {LeftOut.CONTRADICTED: 2, LeftOut.REPEATED: 1}


def test_a_follow_up_is_rendered_as_the_generator_was_asked_it(history: History) -> None:
    written = answered(history, "Its default?", standalone_question=ENGLISH, text="16. [1]")
    carried = answered(history, "Its rank?", standalone_question="Its rank? (adapter LoRA)", text="16. [1]")
    rows = mined(history, new_feedback(written.id, "up"), new_feedback(carried.id, "up"))
    asked = [row.messages[-1].content.rpartition("Question: ")[2] for row in rows.judged]
    assert asked == [ENGLISH, "Its rank?"]


def test_only_answers_judged_since_are_mined_and_with_all_that_was_said(history: History) -> None:
    old, new = answered(history), answered(history, CHINESE)
    now = datetime.now(UTC)
    before = timestamp(now - timedelta(days=2))
    for answer in (old, new):
        history.add_feedback(replace(new_feedback(answer.id, "down", "原文。 [1]"), created_at=before))
    history.add_feedback(new_feedback(new.id, "down"))
    rows = mine(history, lambda _: Handbook(), now - timedelta(days=1))
    assert [(row.id, row.target) for row in rows.examples] == [(f"feedback:{new.id}", "原文。 [1]")]


def test_rows_are_written_for_training_and_what_was_written_before_goes(
    history: History, tmp_path: Path
) -> None:
    answer = answered(history, f"{ENGLISH} Tell ann@acme.io")
    said = new_feedback(answer.id, "down", "Write to ann@acme.io. [1]", wrong_citations=[2])
    rows = mined(history, said)
    rows.redact(None)
    files = rows.write(tmp_path / "data")
    (example,) = read_examples(files["sft"])
    assert example.target == "Write to [EMAIL_1]. [1]"
    assert "[EMAIL_1]" in example.messages[-1].content
    assert len(read_pairs(files["dpo"])) == len(read_judged(files["kto"])) == 1
    (row,) = (json.loads(line) for line in files["retrieval"].read_text("utf-8").splitlines())
    assert (row["query"], row["reason"]) == (f"{ENGLISH} Tell [EMAIL_1]", "wrong_citation")
    assert list(Mined(examples=rows.examples).write(tmp_path / "data")) == ["sft"]
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["feedback.sft.jsonl"]
