from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from eval.abstention.calibrate import calibrate
from eval.abstention.collect import Answers, Target
from eval.abstention.table import calibration_table
from ingest.settings import Settings
from service.abstention.fitted import read_abstention
from service.abstention.signals import SIGNALS
from tests.eval.fakes import shown

TARGET = Target("small", "base", "0123456789ab")


def drawn_answers(count: int, best_signal: int) -> Answers:
    """Answers of which one signal tells how likely they are right; the others are noise."""
    drawn = np.random.default_rng(0)
    signals = drawn.random((count, len(SIGNALS)))
    right = drawn.random(count) < signals[:, best_signal]
    return Answers(
        signals=signals,
        evidence=signals[:, 0],
        given=np.ones(count, dtype=np.bool_),
        right=right,
        answerable=right | (drawn.random(count) < 0.5),
        clusters=np.arange(count),
    )


def settings_for(home: Path) -> Settings:
    (home / "collections" / TARGET.collection).mkdir(parents=True)
    return Settings(home=home, collection=TARGET.collection)


def test_a_fit_that_keeps_the_promise_is_kept_for_the_collection(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = drawn_answers(1500, best_signal=4)
    monkeypatch.setattr("eval.abstention.calibrate.collect_answers", lambda *_, **__: (answers, TARGET))
    found = calibrate(settings_for(home), [], 0.25, oracle=False, release=None)
    assert found.fitted is not None
    kept = read_abstention(home / "collections" / TARGET.collection)
    assert kept == {"base": found.fitted}
    assert found.after.auroc > 0.75 > 0.6 > found.before.auroc
    assert found.after.wrong <= 0.25
    assert found.at_same_refusals.refused_answerable == pytest.approx(
        found.before.refused_answerable, abs=0.01
    )
    assert found.at_same_refusals.refused_unanswerable > found.before.refused_unanswerable
    assert json.loads(json.dumps(found.to_json()))["kept"] is True
    assert "kept: answers from a chance" in shown(calibration_table(found))


def test_where_no_threshold_keeps_the_promise_nothing_is_kept(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = drawn_answers(300, best_signal=4)
    monkeypatch.setattr("eval.abstention.calibrate.collect_answers", lambda *_, **__: (answers, TARGET))
    found = calibrate(settings_for(home), [], 0.001, oracle=False, release=None)
    assert found.fitted is None
    assert read_abstention(home / "collections" / TARGET.collection) == {}
    assert "not kept" in shown(calibration_table(found))


def test_where_evidence_tells_as_much_the_other_signals_weigh_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = drawn_answers(200, best_signal=0)
    monkeypatch.setattr("eval.abstention.calibrate.collect_answers", lambda *_, **__: (answers, TARGET))
    found = calibrate(settings_for(home), [], 0.4, oracle=False, release=None)
    assert found.fitted is not None
    assert set(found.fitted.model.weights[1:]) == {0.0}
