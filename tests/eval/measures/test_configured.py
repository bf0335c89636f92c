"""What only some settings can measure is left out under the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.measures.configured import configured_measures
from eval.measures.measure import Direction, values_of
from ingest.settings import GeneratorSettings, Settings
from ingest.settings_answer import GroundingSettings
from tests.eval.metrics.records import answered, case, citation, failed, passage
from tests.service.tiny_cross_encoder import write_model

RECORDS = (
    answered(
        case("one", "x"),
        "lora is [1].",
        citations=(citation(0, 12),),
        passages=(passage(1, "the rank"),),
        tokens=(100, 10),
    ),
    failed(case("two", "x")),
)


def test_nothing_is_added_by_default() -> None:
    assert list(configured_measures(RECORDS, Settings())) == []


def test_tokens_have_a_price() -> None:
    prices = Settings(generator=GeneratorSettings(prompt_price=2.0, completion_price=10.0))
    (cost,) = configured_measures(RECORDS, prices)
    assert (cost.name, cost.direction) == ("cost", Direction.LOWER)
    assert cost.value == pytest.approx((200 + 100) / 1e6 / 2)


def test_a_model_judges_the_citations(tmp_path: Path) -> None:
    folder = write_model(tmp_path, ["entailment", "other"])
    model = Settings(grounding=GroundingSettings(nli_model=str(folder)))
    values = values_of(configured_measures(RECORDS, model))
    assert set(values) == {"nli_citation_recall", "nli_citation_precision"}
    assert set(values.values()) in ({0.0}, {1.0})
