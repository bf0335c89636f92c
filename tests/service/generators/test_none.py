from __future__ import annotations

import pytest

from ingest.errors import GeneratorError
from service.generate import Sampling
from service.generators.none import NoGenerator


@pytest.mark.anyio
async def test_there_is_no_model_to_ask() -> None:
    generator = NoGenerator(frozenset({"en", "zh"}))
    assert (generator.name, generator.languages) == ("extractive", {"en", "zh"})
    with pytest.raises(GeneratorError):
        await anext(generator.stream((), Sampling(max_tokens=1)))
    await generator.aclose()
