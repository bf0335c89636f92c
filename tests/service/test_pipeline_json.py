from __future__ import annotations

import json

import pytest

from ingest.errors import GeneratorError, GeneratorRefusedError
from service.answer import Answer, Degradation, Delta
from service.generate import Piece
from service.grounding.json_answer import NO_JSON
from service.prompt import TEMPLATES
from service.question import Inquiry, SamplingWish
from tests.service.conftest import PipelineMaker
from tests.service.scripted import ScriptedEntailment, ScriptedGenerator

pytestmark = pytest.mark.anyio

QUESTION = "Which rank is the default for an adapter?"
SCHEMA = json.dumps({"type": "object", "properties": {"kind": {"enum": ["number", "name"]}}})
ASKED = Inquiry(QUESTION, sampling=SamplingWish(json_schema=SCHEMA))
BORNE_OUT = '{"rank": 16, "said": "A rank of 16 is the default [1].", "kind": "number"}'
UNSUPPORTED = '{"rank": 17}'
REFUSAL = TEMPLATES["en"].refusal
NONE_NOW = NO_JSON["en"]


async def answered(
    make_pipeline: PipelineMaker, *script: str | Piece | Exception, strict: bool = True
) -> Answer:
    return await make_pipeline(ScriptedGenerator(*script), strict=strict).answer(ASKED)


async def test_json_that_the_sources_bear_out_is_given_with_citations(make_pipeline: PipelineMaker) -> None:
    answer = await answered(make_pipeline, BORNE_OUT[:9], BORNE_OUT[9:])
    assert answer.text == BORNE_OUT
    assert (answer.abstained, answer.degraded, answer.groundedness) == (False, None, 1.0)
    claims = [answer.text[c.answer_start : c.answer_end] for c in answer.citations]
    assert claims == ["16", "A rank of 16 is the default [1]."]


async def test_json_is_shown_in_one_piece(make_pipeline: PipelineMaker) -> None:
    pipeline = make_pipeline(ScriptedGenerator(*BORNE_OUT))
    events = [event async for event in pipeline.stream(ASKED)]
    assert [event.text for event in events if isinstance(event, Delta)] == [BORNE_OUT]


async def test_an_invented_marker_in_a_string_is_dropped(make_pipeline: PipelineMaker) -> None:
    answer = await answered(make_pipeline, '{"said": "A rank of 16 is the default [9]."}')
    assert answer.text == '{"said": "A rank of 16 is the default."}'
    assert answer.invented_markers == 1


async def test_under_strict_grounding_json_with_an_unsupported_claim_is_withheld(
    make_pipeline: PipelineMaker,
) -> None:
    answer = await answered(make_pipeline, UNSUPPORTED)
    assert (answer.text, answer.abstained) == (NONE_NOW, False)
    assert answer.degraded is Degradation.UNSUPPORTED


async def test_otherwise_it_is_given_and_marked(make_pipeline: PipelineMaker) -> None:
    answer = await answered(make_pipeline, UNSUPPORTED, strict=False)
    assert (answer.text, answer.abstained, answer.degraded) == (UNSUPPORTED, False, None)
    assert answer.groundedness == 0.0


@pytest.mark.parametrize("strict", [False, True])
async def test_json_that_was_cut_off_is_never_shown(make_pipeline: PipelineMaker, strict: bool) -> None:
    answer = await answered(make_pipeline, '{"rank": 1', Piece("", truncated=True), strict=strict)
    assert (answer.text, answer.abstained) == (NONE_NOW, False)
    assert answer.usage.truncated


async def test_a_failing_generator_gives_neither_prose_nor_a_word_about_the_sources(
    make_pipeline: PipelineMaker,
) -> None:
    answer = await answered(make_pipeline, '{"rank"', GeneratorError("gone"))
    assert (answer.text, answer.abstained, answer.degraded) == (NONE_NOW, False, Degradation.GENERATOR)
    assert (answer.citations, answer.sentences) == ((), ())


async def test_in_a_language_without_a_sentence_of_its_own_the_english_one_is_said(
    make_pipeline: PipelineMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.draft.detect_language", lambda _: "fr")
    answer = await answered(make_pipeline, BORNE_OUT)
    assert (answer.text, answer.degraded) == (NONE_NOW, Degradation.LANGUAGE)


async def test_a_schema_that_the_generator_refuses_is_the_askers_error(make_pipeline: PipelineMaker) -> None:
    with pytest.raises(GeneratorRefusedError):
        await answered(make_pipeline, GeneratorRefusedError("no such type"))


async def test_a_refusal_inside_the_json_is_one(make_pipeline: PipelineMaker) -> None:
    answer = await answered(make_pipeline, json.dumps({"said": REFUSAL}))
    assert (answer.text, answer.abstained, answer.degraded) == (REFUSAL, True, None)
    assert answer.citations == ()


async def test_the_schema_reaches_the_generator(make_pipeline: PipelineMaker) -> None:
    generator = ScriptedGenerator(BORNE_OUT)
    await make_pipeline(generator).answer(ASKED)
    assert [sampling.json_schema for sampling in generator.sampled] == [SCHEMA]


async def test_under_strict_grounding_json_that_the_model_of_inference_rejects_is_withheld(
    make_pipeline: PipelineMaker,
) -> None:
    believing, doubting = ScriptedEntailment(), ScriptedEntailment("default")
    shown = await make_pipeline(ScriptedGenerator(BORNE_OUT), entailment=believing).answer(ASKED)
    assert (shown.text, shown.groundedness) == (BORNE_OUT, 1.0)
    assert len(believing.asked) == 2
    withheld = await make_pipeline(ScriptedGenerator(BORNE_OUT), entailment=doubting).answer(ASKED)
    assert (withheld.text, withheld.degraded) == (NONE_NOW, Degradation.UNSUPPORTED)
    marked = make_pipeline(
        ScriptedGenerator(BORNE_OUT), strict=False, entailment=ScriptedEntailment("default")
    )
    assert [citation.supported for citation in (await marked.answer(ASKED)).citations] == [True, False]
