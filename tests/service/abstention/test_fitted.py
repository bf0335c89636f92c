from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ingest.errors import SnapshotCorruptError
from service.abstention.fitted import (
    FittedAbstention,
    fitted_abstention,
    read_abstention,
    write_abstention,
)
from service.abstention.logistic import Logistic
from service.abstention.signals import SIGNALS
from service.prompt import PROMPT_ID

FITTED = FittedAbstention(
    index="0123456789ab",
    prompt_id=PROMPT_ID,
    signals=SIGNALS,
    model=Logistic(-1.0, (2.0,) * len(SIGNALS)),
    threshold=0.6,
    max_wrong=0.1,
    confidence=0.95,
    cases=400,
    coverage=0.7,
    wrong=0.06,
)


def test_what_was_fitted_is_read_back_for_its_release(tmp_path: Path) -> None:
    write_abstention(tmp_path, "base", FITTED)
    write_abstention(tmp_path, "sft@01234567", replace(FITTED, threshold=0.4))
    assert read_abstention(tmp_path)["base"] == FITTED
    assert fitted_abstention(tmp_path, "base", FITTED.index, None) == FITTED
    assert fitted_abstention(tmp_path, "base", FITTED.index, 0.1) == FITTED
    other = fitted_abstention(tmp_path, "sft@01234567", FITTED.index, None)
    assert other is not None
    assert other.threshold == 0.4


def test_where_nothing_was_fitted_there_is_nothing(tmp_path: Path) -> None:
    assert fitted_abstention(tmp_path, "base", FITTED.index, None) is None


@pytest.mark.parametrize(
    ("kept", "index", "max_wrong"),
    [
        (FITTED, "another index", None),
        (replace(FITTED, prompt_id="another prompt"), FITTED.index, None),
        (replace(FITTED, signals=("evidence",)), FITTED.index, None),
        (FITTED, FITTED.index, 0.05),
    ],
)
def test_what_was_fitted_for_something_else_does_not_hold(
    tmp_path: Path, kept: FittedAbstention, index: str, max_wrong: float | None
) -> None:
    write_abstention(tmp_path, "base", kept)
    assert fitted_abstention(tmp_path, "base", index, max_wrong) is None


@pytest.mark.parametrize("content", ["", "[]", '{"base": {}}', '{"base": 3}', '{"base": {"signals": []}}'])
def test_a_damaged_file_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "abstention.json").write_text(content)
    with pytest.raises(SnapshotCorruptError, match="eval calibrate"):
        read_abstention(tmp_path)
