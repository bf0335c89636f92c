"""The page has words for everything that the service can say."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.answer import Degradation, Served

STRINGS = Path(__file__).parents[2] / "service" / "web" / "src" / "ask" / "strings.ts"
LANGUAGES = 2


@pytest.mark.parametrize("reason", [*Degradation, *Served])
def test_every_way_to_another_kind_of_answer_is_told_in_each_language(reason: Degradation | Served) -> None:
    assert STRINGS.read_text("utf-8").count(f"{reason.value}:") == LANGUAGES
