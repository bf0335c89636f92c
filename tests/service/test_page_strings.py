"""The page has words for everything that the service can say."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.answer import Degradation

STRINGS = Path(__file__).parents[2] / "service" / "web" / "assets" / "strings.js"
LANGUAGES = 2


@pytest.mark.parametrize("reason", list(Degradation))
def test_every_reason_for_a_simpler_answer_is_told_in_each_language(reason: Degradation) -> None:
    assert STRINGS.read_text("utf-8").count(f"{reason.value}:") == LANGUAGES
