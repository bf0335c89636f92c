from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest

from ingest.choices import GeneratorKind
from ingest.document import Document
from ingest.embed import Embedder
from ingest.filters.filters import EVERYTHING
from ingest.filters.forms import parse_filter
from ingest.pipeline import ingest
from ingest.request import IngestRequest
from ingest.settings import CacheSettings, GeneratorSettings, RetrievalSettings, Settings
from ingest.settings_answer import GroundingSettings
from ingest.settings_history import HistorySettings
from ingest.settings_vllm import VllmSettings
from ingest.snapshots.snapshot import Snapshot
from ingest.words.questions import WordRule
from service.answer import Answer, AnswerEvent, Cited, Delta, Finished, Retrieved, Served, Usage
from service.app import Parts, create_app
from service.cache.answer_cache import AnswerCache, Scope
from service.cache.caching import CachingPipeline
from service.cache.caching_factory import open_caching_pipeline, scope_of
from service.cache.curated import CuratedAnswers
from service.cache.same_question import SameQuestion
from service.generate import Piece
from service.grounding.cite import is_exact
from service.history.history import History
from service.prompt import TEMPLATES
from service.question import Inquiry, SamplingWish
from tests.fakes import MemoryPipeline, OnePipeline
from tests.service.conftest import PipelineMaker
from tests.service.scripted import ScriptedGenerator
from tests.small_handbook import small_handbook

pytestmark = pytest.mark.anyio

QUESTION = "Which rank is the default for an adapter?"
SAME = "What rank is the default for adapters?"
RIGHT = "A rank of 16 is the default [1]."
SCOPE = Scope("small", "snapshot-1 base", "")
FAQ = """question,answer,aliases,acl
Who was Troika named after?,"Three horses before one carriage. They pull together.",Whence the name?,all
What does the CEO earn?,Nobody knows.,,board
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[AnswerCache]:
    cache = AnswerCache(tmp_path / "answers.sqlite", max_entries=100)
    yield cache
    cache.close()


@dataclass
class CachingMaker:
    """Puts a cache in front of pipelines over the small collection; ``kept`` holds what was kept of it."""

    make_pipeline: PipelineMaker
    cache: AnswerCache
    snapshot: Snapshot
    embedder: Embedder
    kept: list[Answer] = field(default_factory=list[Answer])

    def __call__(
        self, generator: ScriptedGenerator, *, semantic: bool = False, scope: Scope = SCOPE
    ) -> CachingPipeline:
        rule = WordRule(self.snapshot.words.document_frequency, self.snapshot.manifest.indexed)
        same = SameQuestion(self.embedder.embed_query, rule, similarity=0.8)
        return CachingPipeline(
            self.make_pipeline(generator),
            self.cache,
            scope,
            CuratedAnswers(self.snapshot.documents, frozenset()),
            same if semantic else None,
            lambda answer, _inquiry: self.kept.append(answer),
        )


@pytest.fixture
def caching(
    make_pipeline: PipelineMaker, cache: AnswerCache, small_snapshot: Snapshot, embedder: Embedder
) -> CachingMaker:
    return CachingMaker(make_pipeline, cache, small_snapshot, embedder)


async def events_of(stream: AsyncIterator[AnswerEvent]) -> list[AnswerEvent]:
    return [event async for event in stream]


def kinds_of(events: Sequence[AnswerEvent]) -> list[str]:
    """The kinds of the events in order, each run of the same as one."""
    kinds = [type(event).__name__ for event in events]
    return [kind for index, kind in enumerate(kinds) if kinds[index - 1 : index] != [kind]]


def assert_exact(answer: Answer, document: Callable[[str], Document | None]) -> None:
    assert answer.citations
    for citation in answer.citations:
        source = document(citation.chunk.document_id)
        assert source is not None
        assert is_exact(citation, source)


async def test_an_answer_is_kept_for_its_filter_alone(caching: CachingMaker) -> None:
    generator = ScriptedGenerator(RIGHT)
    pipeline = caching(generator)
    wanted = parse_filter(["language=en"])
    for asked in (EVERYTHING, wanted, wanted):
        answer = await pipeline.answer(Inquiry(QUESTION, wanted=asked))
    assert len(generator.asked) == 2
    assert answer.cache is Served.EXACT


async def test_an_answer_is_kept_for_its_wishes_alone(caching: CachingMaker) -> None:
    generator = ScriptedGenerator(RIGHT)
    pipeline = caching(generator)
    for sampling in (None, SamplingWish(seed=1), SamplingWish(seed=2), SamplingWish(seed=2)):
        answer = await pipeline.answer(Inquiry(QUESTION, sampling=sampling))
    assert len(generator.asked) == 3
    assert answer.cache is Served.EXACT


async def test_json_is_made_anew(caching: CachingMaker) -> None:
    generator = ScriptedGenerator('{"rank": 16}')
    pipeline = caching(generator)
    asked = Inquiry(QUESTION, sampling=SamplingWish(json_schema="{}"))
    assert [(await pipeline.answer(asked)).cache for _ in range(2)] == [None, None]
    assert len(generator.asked) == 2


async def test_the_same_question_is_answered_once(caching: CachingMaker) -> None:
    generator = ScriptedGenerator(RIGHT)
    pipeline = caching(generator)
    made = await events_of(pipeline.stream(Inquiry(QUESTION)))
    given = await events_of(pipeline.stream(Inquiry(f" {QUESTION.upper()} ")))
    assert len(generator.asked) == 1
    assert kinds_of(given) == kinds_of(made) == ["Retrieved", "Delta", "Cited", "Finished"]
    retrieved, first, again = given[0], made[-1], given[-1]
    assert isinstance(first, Finished)
    assert isinstance(again, Finished)
    assert isinstance(retrieved, Retrieved)
    answer = again.answer
    assert "".join(event.text for event in given if isinstance(event, Delta)) == answer.text == RIGHT
    assert [event.citation for event in given if isinstance(event, Cited)] == list(first.answer.citations)
    assert (retrieved.answer_id, retrieved.passages) == (answer.id, first.answer.passages)
    assert answer.id != first.answer.id
    assert (first.answer.cache, answer.cache, answer.matched_question) == (None, Served.EXACT, None)
    assert (answer.question, answer.usage) == (QUESTION.upper(), Usage())
    assert answer.timings_ms["total"] < first.answer.timings_ms["total"]
    assert caching.kept == [answer]
    assert_exact(answer, caching.snapshot.documents.document)


async def test_an_answer_that_was_cut_off_says_so_when_it_is_given_again(caching: CachingMaker) -> None:
    pipeline = caching(ScriptedGenerator(RIGHT, Piece("", truncated=True)))
    made, given = [await pipeline.answer(Inquiry(QUESTION)) for _ in range(2)]
    assert (made.cache, given.cache) == (None, Served.EXACT)
    assert made.usage.truncated
    assert given.usage == Usage(truncated=True)


async def test_a_question_that_means_the_same_gets_the_same_answer(caching: CachingMaker) -> None:
    generator = ScriptedGenerator(RIGHT)
    pipeline = caching(generator, semantic=True)
    await pipeline.answer(Inquiry(QUESTION))
    answer = await pipeline.answer(Inquiry(SAME))
    assert len(generator.asked) == 1
    assert (answer.cache, answer.matched_question, answer.question) == (Served.SEMANTIC, QUESTION, SAME)
    assert answer.text == RIGHT


@pytest.mark.parametrize(
    "other",
    ["Which rank is not the default for an adapter?", "Who set the default rank for an adapter?"],
)
async def test_a_question_that_is_only_near_is_answered_anew(caching: CachingMaker, other: str) -> None:
    generator = ScriptedGenerator(RIGHT)
    pipeline = caching(generator, semantic=True)
    await pipeline.answer(Inquiry(QUESTION))
    assert (await pipeline.answer(Inquiry(other))).cache is None
    assert len(generator.asked) == 2


async def test_without_semantic_hits_other_words_are_another_question(caching: CachingMaker) -> None:
    pipeline = caching(ScriptedGenerator(RIGHT))
    await pipeline.answer(Inquiry(QUESTION))
    assert (await pipeline.answer(Inquiry(SAME))).cache is None


async def test_what_an_answer_hangs_on_tells_answers_apart(caching: CachingMaker) -> None:
    pipeline = caching(ScriptedGenerator(RIGHT))
    await pipeline.answer(Inquiry(QUESTION))
    other = caching(ScriptedGenerator(RIGHT), scope=replace(SCOPE, conditions="groups=[hr]"))
    assert (await other.answer(Inquiry(QUESTION))).cache is None
    assert (await pipeline.answer(Inquiry(QUESTION, history=["We spoke of cars."]))).cache is None
    (*_, fewer) = await events_of(pipeline.stream(Inquiry(QUESTION, passages=1)))
    assert isinstance(fewer, Finished)
    assert fewer.answer.cache is None
    assert len(fewer.answer.passages) == 1


async def test_without_the_cache_an_answer_is_neither_taken_nor_kept(caching: CachingMaker) -> None:
    pipeline = caching(ScriptedGenerator(RIGHT))
    for _ in range(2):
        assert (await pipeline.answer(Inquiry(QUESTION, cache=False))).cache is None
    assert (await pipeline.answer(Inquiry(QUESTION))).cache is None
    assert (await pipeline.answer(Inquiry(QUESTION, cache=False))).cache is None
    assert (await pipeline.answer(Inquiry(QUESTION))).cache is Served.EXACT


@pytest.mark.parametrize("script", [TEMPLATES["en"].refusal, "Bananas are blue [1]."])
async def test_refused_and_degraded_answers_are_not_kept(caching: CachingMaker, script: str) -> None:
    pipeline = caching(ScriptedGenerator(script))
    for _ in range(2):
        answer = await pipeline.answer(Inquiry(QUESTION))
        assert answer.abstained or answer.degraded
        assert answer.cache is None


async def test_an_answer_whose_quotes_do_not_hold_is_not_given_again(
    caching: CachingMaker, cache: AnswerCache
) -> None:
    pipeline = caching(ScriptedGenerator(RIGHT))
    answer = await pipeline.answer(Inquiry(QUESTION, cache=False))
    wrong = replace(answer.citations[0], quote="A rank of 61 is the default")
    cache.keep(replace(SCOPE, conditions=" passages=None"), replace(answer, citations=(wrong,)))
    assert (await pipeline.answer(Inquiry(QUESTION))).cache is None


async def test_curated_answers_are_given_as_written(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "faq.csv"
    path.write_text(FAQ, "utf-8")
    settings = Settings(
        home=home,
        generator=GeneratorSettings(kind=GeneratorKind.EXTRACTIVE),
        cache=CacheSettings(semantic=True),
        retrieval=RetrievalSettings(groups=("all",)),
    )
    ingest(IngestRequest(faq=(path,)), "default", settings)
    async with open_caching_pipeline(settings, "default") as pipeline:
        for question, matched in (
            ("who was TROIKA named after", "Who was Troika named after?"),
            ("Whence the name?", "Whence the name?"),
            ("Please tell me, who was Troika named after?", "Who was Troika named after?"),
        ):
            answer = await pipeline.answer(Inquiry(question))
            assert (answer.cache, answer.matched_question) == (Served.FAQ, matched)
            assert answer.text == "Three horses before one carriage. They pull together."
            assert "".join(citation.quote for citation in answer.citations) == answer.text
            assert_exact(answer, pipeline.snapshot.documents.document)
            assert answer.citations[0].chunk.uri.startswith("faq:")
        hidden = await pipeline.answer(Inquiry("What does the CEO earn?"))
        assert hidden.cache is None
        assert "Nobody" not in hidden.text
        assert (await pipeline.answer(Inquiry("who was TROIKA named after", cache=False))).cache is None


def test_settings_that_shape_or_cover_answers_tell_them_apart(make_pipeline: PipelineMaker) -> None:
    pipeline = make_pipeline(ScriptedGenerator(RIGHT))
    plain = Settings()
    others = [
        plain.model_copy(update={"grounding": GroundingSettings(nli_model="judge")}),
        plain.model_copy(update={"history": HistorySettings(redact="personal")}),
        plain.model_copy(update={"retrieval": RetrievalSettings(groups=("hr",))}),
        plain.model_copy(update={"vllm": VllmSettings(arguments="--max-model-len 512")}),
    ]
    scopes = [scope_of(pipeline, settings, "fits") for settings in (plain, *others)]
    scopes.append(scope_of(pipeline, plain, "other fits"))
    assert len(set(scopes)) == len(scopes)
    elsewhere = plain.model_copy(update={"home": Path("elsewhere")})
    assert scope_of(pipeline, elsewhere, "fits") == scopes[0]


async def test_an_answer_called_bad_is_made_anew(tmp_path: Path, cache: AnswerCache) -> None:
    history = History(tmp_path / "history.sqlite")
    memory = MemoryPipeline(small_handbook(), history)
    (answer,) = [
        event.answer async for event in memory.stream(Inquiry(QUESTION)) if isinstance(event, Finished)
    ]
    scope = Scope(answer.collection, "v", "")
    settings = Settings(home=tmp_path)
    app = create_app(settings, Parts(OnePipeline(memory), history, cache))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        cache.keep(scope, answer)
        for verdict, is_kept in (("up", True), ("down", False)):
            judged = await client.post("/v1/feedback", json={"answer_id": answer.id, "verdict": verdict})
            assert judged.status_code == 201
            assert (cache.exact(scope, QUESTION) is not None) is is_kept
    history.close()
