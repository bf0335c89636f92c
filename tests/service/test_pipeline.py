from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ingest.document import Hit
from ingest.embed import Embedder
from ingest.errors import (
    EmptyQuestionError,
    GeneratorError,
    NoTermsError,
    QuestionTooLongError,
    RerankerError,
    SnapshotCorruptError,
)
from ingest.filters.filters import EVERYTHING, Filter
from ingest.pipeline import ingest_paths
from ingest.settings import Settings
from ingest.snapshots.snapshot import Snapshot, open_snapshot
from ingest.words.language import LANGUAGES
from service.answer import (
    Answer,
    AnswerEvent,
    Cited,
    Degradation,
    Delta,
    Finished,
    Reranking,
    Retrieved,
    Usage,
)
from service.grounding.cite import is_exact
from service.grounding.support import Grounding
from service.prompt import PROMPT_ID, TEMPLATES, render
from service.question import Inquiry
from service.retrieval.retrieve import Retriever, SearchMode
from tests.service.conftest import PipelineMaker
from tests.service.scripted import ScriptedEntailment, ScriptedGenerator, passages_of

pytestmark = pytest.mark.anyio

QUESTION = "Which rank is the default for an adapter?"
CHINESE_QUESTION = "引用的文字与原文相同吗？"
UNANSWERABLE = "How tall is the Eiffel Tower in Paris?"
BOTH = frozenset({"en", "zh"})


async def events_of(stream: AsyncGenerator[AnswerEvent]) -> list[AnswerEvent]:
    return [event async for event in stream]


def assert_quotes_hold(answer: Answer, snapshot: Snapshot) -> None:
    """Every citation lies in the answer, and its quote is the document's text at its span."""
    for citation in answer.citations:
        document = snapshot.documents.document(citation.chunk.document_id)
        assert document is not None
        assert is_exact(citation, document)
        assert document.text[citation.quote_start : citation.quote_end] == citation.quote != ""
        assert 0 <= citation.answer_start < citation.answer_end <= len(answer.text)
        assert citation.marker in {passage.marker for passage in answer.passages}


async def test_a_supported_answer_is_streamed_cited_and_kept(make_pipeline: PipelineMaker) -> None:
    generator = ScriptedGenerator("A rank of", " 16 is the default", " [", "1].")
    pipeline = make_pipeline(generator)
    events = await events_of(pipeline.stream(Inquiry(QUESTION)))
    retrieved, *middle, finished = events
    assert isinstance(retrieved, Retrieved)
    assert isinstance(finished, Finished)
    answer = finished.answer
    assert retrieved.answer_id == answer.id
    assert retrieved.passages == answer.passages
    assert "".join(event.text for event in middle if isinstance(event, Delta)).rstrip() == answer.text
    assert [event.citation for event in middle if isinstance(event, Cited)] == list(answer.citations)
    assert answer.text == "A rank of 16 is the default [1]."
    (citation,) = answer.citations
    assert citation.supported
    assert citation.quote.startswith("A rank of 16 is the default")
    assert (answer.groundedness, answer.abstained, answer.degraded) == (1.0, False, None)
    assert (answer.generator, answer.prompt_id, answer.release) == ("scripted", PROMPT_ID, "base")
    assert answer.usage == Usage(10, 4)
    assert {"retrieval", "first_token", "generation", "total"} <= answer.timings_ms.keys()
    assert_quotes_hold(answer, make_pipeline.snapshot)
    assert make_pipeline.kept == [answer]
    assert generator.asked == [render(QUESTION, answer.passages, "en")]


async def test_folding_the_stream_gives_the_same_answer(make_pipeline: PipelineMaker) -> None:
    pipeline = make_pipeline(ScriptedGenerator("A rank of 16 is the default [1]."))
    answer = await pipeline.answer(Inquiry(QUESTION))
    assert answer.text == "A rank of 16 is the default [1]."
    assert make_pipeline.kept == [answer]


async def test_invented_markers_are_dropped_and_counted(make_pipeline: PipelineMaker) -> None:
    pipeline = make_pipeline(ScriptedGenerator("A rank of 16 is the default [", "7", "][1, 9", "]."))
    answer = await pipeline.answer(Inquiry(QUESTION))
    assert answer.text == "A rank of 16 is the default[1]."
    assert answer.invented_markers == 2
    assert [citation.marker for citation in answer.citations] == [1]


@pytest.mark.parametrize(
    "script", ["The default rank of an adapter is 32 [1].", "Adapters come from Mars [1].", "", " \n"]
)
async def test_what_no_source_bears_out_gives_way_to_the_sources_own_words(
    make_pipeline: PipelineMaker, script: str
) -> None:
    answer = await make_pipeline(ScriptedGenerator(script)).answer(Inquiry(QUESTION))
    assert answer.degraded is Degradation.UNSUPPORTED
    assert answer.generator == "extractive"
    assert "A rank of 16 is the default" in answer.text
    assert answer.groundedness == 1.0
    assert_quotes_hold(answer, make_pipeline.snapshot)


async def test_without_withholding_an_unsupported_sentence_is_shown_and_marked(
    make_pipeline: PipelineMaker,
) -> None:
    pipeline = make_pipeline(ScriptedGenerator("The default rank is 32 [1]."), strict=False)
    answer = await pipeline.answer(Inquiry(QUESTION))
    assert answer.text == "The default rank is 32 [1]."
    assert [citation.supported for citation in answer.citations] == [False]
    assert (answer.groundedness, answer.degraded) == (0.0, None)


async def test_a_generator_that_fails_before_its_first_word_is_replaced(make_pipeline: PipelineMaker) -> None:
    answer = await make_pipeline(ScriptedGenerator(GeneratorError("no model"))).answer(Inquiry(QUESTION))
    assert answer.degraded is Degradation.GENERATOR
    assert answer.generator == "extractive"
    assert "A rank of 16 is the default" in answer.text
    assert_quotes_hold(answer, make_pipeline.snapshot)


async def test_what_was_shown_before_a_failure_stands_and_is_flagged(make_pipeline: PipelineMaker) -> None:
    generator = ScriptedGenerator("A rank of 16 is the default [1][8]. ", "Alpha", GeneratorError("gone"))
    answer = await make_pipeline(generator).answer(Inquiry(QUESTION))
    assert answer.text == "A rank of 16 is the default [1]."
    assert answer.degraded is Degradation.GENERATOR
    assert answer.generator == "scripted"
    assert answer.invented_markers == 1
    assert [citation.supported for citation in answer.citations] == [True]


@pytest.mark.parametrize("shown", ["The default", "A rank of 16, that", "默认的"])
async def test_the_sources_answer_in_place_of_a_first_sentence_that_was_cut_short(
    make_pipeline: PipelineMaker, shown: str
) -> None:
    generator = ScriptedGenerator(shown, GeneratorError("gone"))
    answer = await make_pipeline(generator, strict=False).answer(Inquiry(QUESTION))
    cut, _, quoted = answer.text.partition("\n")
    assert cut == shown
    assert quoted.startswith("A rank of 16 is the default")
    assert (answer.degraded, answer.generator) == (Degradation.GENERATOR, "extractive")
    assert answer.citations[-1].supported
    assert_quotes_hold(answer, make_pipeline.snapshot)


async def test_another_exception_of_a_generator_is_not_hidden(make_pipeline: PipelineMaker) -> None:
    pipeline = make_pipeline(ScriptedGenerator("A rank", ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        await pipeline.answer(Inquiry(QUESTION))
    assert make_pipeline.kept == []


async def test_an_answer_ends_after_its_last_allowed_sentence(make_pipeline: PipelineMaker) -> None:
    generator = ScriptedGenerator("A rank of 16 is the default [1].", " Alpha", *[" and on"] * 50)
    answer = await make_pipeline(generator, max_sentences=1).answer(Inquiry(QUESTION))
    assert answer.text == "A rank of 16 is the default [1]."
    assert generator.read == 2
    assert generator.ended == 1
    assert answer.usage == Usage(10, 2)


async def test_under_strict_grounding_what_the_model_of_inference_rejects_is_not_shown(
    make_pipeline: PipelineMaker,
) -> None:
    said = "A rank of 16 is the default [1]. Alpha is usually twice the rank [1]."
    doubting = ScriptedEntailment("16")
    events = await events_of(
        make_pipeline(ScriptedGenerator(*said), entailment=doubting, max_sentences=3).stream(
            Inquiry(QUESTION)
        )
    )
    assert isinstance(events[-1], Finished)
    answer = events[-1].answer
    assert (answer.degraded, answer.generator) == (Degradation.UNSUPPORTED, "extractive")
    assert said[:32] not in "".join(event.text for event in events if isinstance(event, Delta))
    assert threading.get_ident() not in doubting.threads


async def test_a_sentence_is_judged_once_and_its_citations_say_what_it_says(
    make_pipeline: PipelineMaker,
) -> None:
    said = "A rank of 16 is the default [1]."
    believing = ScriptedEntailment()
    answer = await make_pipeline(ScriptedGenerator(*said), entailment=believing).answer(Inquiry(QUESTION))
    assert (answer.text, answer.degraded, len(believing.asked)) == (said, None, 1)
    doubting = ScriptedEntailment("16")
    pipeline = make_pipeline(ScriptedGenerator(*said), strict=False, entailment=doubting)
    marked = await pipeline.answer(Inquiry(QUESTION))
    assert (marked.text, marked.groundedness) == (said, 0.0)
    assert [citation.supported for citation in marked.citations] == [False]


@pytest.mark.parametrize(
    ("question", "language"), [(UNANSWERABLE, "en"), ("埃菲尔铁塔有多高？", "zh"), ("今天午饭吃什么", "zh")]
)
async def test_weak_evidence_is_refused_in_the_questions_language_without_asking_the_model(
    make_pipeline: PipelineMaker, question: str, language: str
) -> None:
    generator = ScriptedGenerator("The tower is 330 m tall.", languages=BOTH)
    answer = await make_pipeline(generator).answer(Inquiry(question))
    assert answer.text == TEMPLATES[language].refusal
    assert answer.language == language
    assert answer.abstained
    assert answer.citations == ()
    assert answer.evidence < 0.4
    assert generator.asked == []
    assert make_pipeline.kept == [answer]


@pytest.mark.parametrize("strict", [True, False])
async def test_the_models_own_refusal_is_an_abstention(make_pipeline: PipelineMaker, strict: bool) -> None:
    refusal = TEMPLATES["en"].refusal
    pipeline = make_pipeline(ScriptedGenerator(refusal, " However", ", ranks exist [1]."), strict=strict)
    answer = await pipeline.answer(Inquiry(QUESTION))
    assert answer.text == refusal
    assert answer.abstained
    assert (answer.citations, answer.degraded) == ((), None)


async def test_a_refusal_with_a_marker_is_an_abstention(make_pipeline: PipelineMaker) -> None:
    pipeline = make_pipeline(ScriptedGenerator("[1] I don't know: the sources do not say."), strict=False)
    assert (await pipeline.answer(Inquiry(QUESTION))).abstained


async def test_a_chinese_question_to_an_english_generator_is_answered_from_the_sources(
    make_pipeline: PipelineMaker,
) -> None:
    generator = ScriptedGenerator("never said")
    answer = await make_pipeline(generator).answer(Inquiry(CHINESE_QUESTION))
    assert generator.asked == []
    assert answer.degraded is Degradation.LANGUAGE
    assert (answer.language, answer.generator) == ("zh", "extractive")
    assert "引用的文字与原文逐字相同" in answer.text
    assert answer.groundedness == 1.0
    assert_quotes_hold(answer, make_pipeline.snapshot)


async def test_a_generator_that_writes_chinese_is_asked_in_chinese(make_pipeline: PipelineMaker) -> None:
    generator = ScriptedGenerator("引用的文字", "与原文逐字相同。[", "1]", languages=BOTH)
    answer = await make_pipeline(generator).answer(Inquiry(CHINESE_QUESTION))
    assert answer.text == "引用的文字与原文逐字相同。[1]"
    assert [citation.supported for citation in answer.citations] == [True]
    assert generator.asked[0][0].content == TEMPLATES["zh"].system
    assert_quotes_hold(answer, make_pipeline.snapshot)


async def test_a_reader_who_leaves_stops_the_generator_and_nothing_is_kept(
    make_pipeline: PipelineMaker,
) -> None:
    generator = ScriptedGenerator(*["A rank of 16 is the default [1]. "] * 1000)
    async with aclosing(
        make_pipeline(generator, strict=False, max_sentences=999).stream(Inquiry(QUESTION))
    ) as events:
        async for event in events:
            if isinstance(event, Delta):
                break
    assert generator.ended == 1
    assert generator.read < 5
    assert make_pipeline.kept == []


async def test_a_task_that_is_cancelled_in_mid_answer_stops_the_generator(
    make_pipeline: PipelineMaker,
) -> None:
    generator = ScriptedGenerator(*["word "] * 1_000_000)
    task = asyncio.create_task(make_pipeline(generator, strict=False).answer(Inquiry(QUESTION)))
    while not generator.read:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert generator.ended == 1


async def test_eight_questions_at_once_keep_to_themselves(make_pipeline: PipelineMaker) -> None:
    pipeline = make_pipeline(ScriptedGenerator("A rank of 16", " is the default [1]."))
    answers = await asyncio.gather(*(pipeline.answer(Inquiry(QUESTION)) for _ in range(8)))
    assert {answer.text for answer in answers} == {"A rank of 16 is the default [1]."}
    assert len({answer.id for answer in answers}) == 8
    assert len(make_pipeline.kept) == 8


@pytest.mark.parametrize(
    ("question", "error"),
    [
        ("", EmptyQuestionError),
        (" \n\t", EmptyQuestionError),
        ("x" * 401, QuestionTooLongError),
        ("?!", NoTermsError),
    ],
)
async def test_a_question_that_cannot_be_answered_as_put_is_refused_before_any_event(
    make_pipeline: PipelineMaker, question: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await anext(make_pipeline(ScriptedGenerator("x")).stream(Inquiry(question)))


async def test_the_prompt_holds_only_the_passages_there_is_room_for(make_pipeline: PipelineMaker) -> None:
    generator = ScriptedGenerator("A rank of 16 is the default [1].")
    answer = await make_pipeline(generator, passage_tokens=1).answer(Inquiry(QUESTION))
    assert [passage.marker for passage in answer.passages] == [1]
    assert "[2]" not in generator.asked[0][1].content


async def test_the_caller_may_ask_for_fewer_passages(make_pipeline: PipelineMaker) -> None:
    (retrieved, *_) = await events_of(
        make_pipeline(ScriptedGenerator("x")).stream(Inquiry(QUESTION, passages=1))
    )
    assert isinstance(retrieved, Retrieved)
    assert len(retrieved.passages) == 1


async def test_an_answer_from_given_passages_searches_nothing(make_pipeline: PipelineMaker) -> None:
    passages = tuple(replace(item, marker=item.marker + 4) for item in passages_of("The sky is blue today."))
    answer = await make_pipeline(ScriptedGenerator("The sky is blue [5].")).answer_from(
        Inquiry("Which colour has the sky?"), passages
    )
    assert answer.text == "The sky is blue [5]."
    assert answer.passages == passages
    assert [(item.marker, item.quote) for item in answer.citations] == [(5, "The sky is blue today.")]


@pytest.mark.parametrize("min_evidence", [0.0, 0.4])
async def test_without_a_passage_it_abstains_whatever_evidence_is_asked_for(
    make_pipeline: PipelineMaker, min_evidence: float
) -> None:
    generator = ScriptedGenerator("Anything.", languages=LANGUAGES)
    answer = await make_pipeline(generator, min_evidence=min_evidence).answer_from(Inquiry(QUESTION), ())
    assert answer.abstained
    assert answer.passages == ()
    assert generator.asked == []


async def test_a_collection_whose_documents_all_vanished_abstains(
    make_pipeline: PipelineMaker, settings: Settings, embedder: Embedder, tmp_path: Path
) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "a.md").write_text("# Rank\n\nThe default rank is 16.\n", "utf-8")
    ingest_paths([folder], "vanished", settings)
    (folder / "a.md").unlink()
    ingest_paths([folder], "vanished", settings, prune=True)
    snapshot = open_snapshot(settings.home, "vanished")
    try:
        make_pipeline.snapshot = snapshot
        make_pipeline.source = Retriever(snapshot, embedder, settings.retrieval)
        make_pipeline.grounding = Grounding(snapshot.words.document_frequency, snapshot.manifest.chunks)
        pipeline = make_pipeline(ScriptedGenerator("The rank is 16."), min_evidence=0.0)
        answer = await pipeline.answer(Inquiry(QUESTION))
        found = await pipeline.search(Inquiry(QUESTION), 5)
    finally:
        snapshot.close()
    assert (answer.text, answer.evidence) == (TEMPLATES["en"].refusal, 0.0)
    assert found.hits == ()


class ShiftedRetriever(Retriever):
    """Gives chunks back a character away from where they stand."""

    def retrieve(
        self,
        query: str,
        k: int,
        mode: SearchMode = SearchMode.HYBRID,
        wanted: Filter = EVERYTHING,
        groups: frozenset[str] | None = None,
    ) -> list[Hit]:
        hits = super().retrieve(query, k, mode, wanted, groups)
        return [
            replace(hit, chunk=replace(hit.chunk, start=hit.chunk.start + 1, end=hit.chunk.end + 1))
            for hit in hits
        ]


async def test_a_quote_that_is_not_the_documents_text_never_leaves(
    make_pipeline: PipelineMaker, small_settings: Settings, embedder: Embedder
) -> None:
    make_pipeline.source = ShiftedRetriever(make_pipeline.snapshot, embedder, small_settings.retrieval)
    with pytest.raises(SnapshotCorruptError):
        await make_pipeline(ScriptedGenerator("A rank of 16 is the default [1].")).answer(Inquiry(QUESTION))
    assert make_pipeline.kept == []


@pytest.mark.parametrize("mode", list(SearchMode))
async def test_a_search_gives_hits_with_the_snapshot_they_come_from(
    make_pipeline: PipelineMaker, mode: SearchMode
) -> None:
    result = await make_pipeline(ScriptedGenerator()).search(Inquiry(f" {QUESTION} "), 2, mode)
    assert result.query == QUESTION
    assert result.snapshot_id == make_pipeline.snapshot.id
    assert len(result.hits) == 2
    assert result.timings_ms["retrieval"] > 0


@pytest.mark.parametrize("passages", [1, 3])
async def test_every_passage_is_numbered_from_one_in_the_order_of_its_score(
    make_pipeline: PipelineMaker, passages: int
) -> None:
    pipeline = make_pipeline(ScriptedGenerator("A rank of 16 is the default [1]."))
    events = await events_of(pipeline.stream(Inquiry(QUESTION, passages=passages)))
    assert isinstance(events[0], Retrieved)
    hits = (await pipeline.search(Inquiry(QUESTION), passages)).hits
    assert [passage.marker for passage in events[0].passages] == list(range(1, passages + 1))
    assert [(p.chunk, p.score) for p in events[0].passages] == [(hit.chunk, hit.score) for hit in hits]


async def test_a_follow_up_is_answered_as_the_generator_wrote_it_anew(make_pipeline: PipelineMaker) -> None:
    generator = ScriptedGenerator(QUESTION)
    pipeline = make_pipeline(generator, rewrites=True)
    answer = await pipeline.answer(
        Inquiry("And which is the default?", history=["What is the rank of an adapter?"])
    )
    assert answer.question == "And which is the default?"
    assert answer.standalone_question == QUESTION
    assert answer.queries == ("And which is the default?", QUESTION)
    assert generator.asked[-1] == render(QUESTION, answer.passages, "en")
    assert_quotes_hold(answer, make_pipeline.snapshot)


async def test_a_follow_up_without_a_generator_carries_words_over(make_pipeline: PipelineMaker) -> None:
    pipeline = make_pipeline(ScriptedGenerator(GeneratorError("none")))
    history = ["What is the rank of an adapter?"]
    found = await pipeline.search(Inquiry("Which is the default?", history=history), 3)
    assert found.standalone_question is not None
    assert "adapter" in found.standalone_question
    assert "A rank of 16 is the default" in found.hits[0].chunk.text
    answer = await pipeline.answer(Inquiry("Which is the default?", history=history))
    assert answer.standalone_question == found.standalone_question
    assert_quotes_hold(answer, make_pipeline.snapshot)


async def test_quotes_of_widened_passages_are_exact(make_pipeline: PipelineMaker) -> None:
    generator = ScriptedGenerator("A rank of 16 is the default [1].")
    answer = await make_pipeline(generator, neighbours=2).answer(Inquiry(QUESTION))
    assert answer.citations[0].supported
    assert_quotes_hold(answer, make_pipeline.snapshot)


class BrokenReranker:
    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        raise RerankerError("gone")


async def test_a_reranker_that_fails_costs_its_order_alone(make_pipeline: PipelineMaker) -> None:
    generator = ScriptedGenerator("A rank of 16 is the default [1].")
    plain = await make_pipeline(generator).search(Inquiry(QUESTION), 5)
    broken = await make_pipeline(generator, reranker=BrokenReranker()).search(Inquiry(QUESTION), 5)
    assert (plain.reranking, broken.reranking) == (None, Reranking.FAILED)
    assert broken.hits == plain.hits
