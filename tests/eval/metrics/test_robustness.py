"""An answer repeats an error where it claims what altered passages claim, and not the truth."""

from __future__ import annotations

import pytest

from eval.metrics.robustness import repeats_error
from tests.eval.metrics.records import answered, case, refused

ASKED = case("misled", "Rome", tags=("counterfactual",), false_answers=("Paris",))


@pytest.mark.parametrize(
    ("text", "repeats"),
    [
        ("It was Paris.", True),
        ("It was Paris [1].", True),
        ("It was Paris[1].", True),
        ("It was Rome, not Paris[1].", False),
        ("It was Oslo[1].", False),
    ],
)
def test_what_altered_passages_claim_is_found_with_its_marker(text: str, repeats: bool) -> None:
    assert repeats_error(answered(ASKED, text)) is repeats


def test_a_refusal_repeats_nothing() -> None:
    assert not repeats_error(refused(ASKED))
