from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ingest.errors import AdapterNotFoundError, AdapterRejectedError, UsageError
from service.releases.adapters import Provenance, keep_adapter
from service.releases.promotion import Proof, promote, rollback, start_canary, take_back
from service.releases.release import (
    Release,
    base_release,
    promoted_release,
    read_candidate,
)
from service.releases.release_history import BASE, Change, current_record, read_history, report_path
from tests.service.releases.test_adapters import keep, trained


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def read_release(home: Path) -> Release:
    """What is served with a model that no adapter comes with."""
    return promoted_release(home) or base_release()


@pytest.mark.parametrize("name", ["sft@00000000", "../sft@00000000", "", "x" * 500])
def test_promoting_an_unknown_adapter_leaves_the_release_as_it_was(home: Path, name: str) -> None:
    first = promote(home, keep(home, b"one").name)
    with pytest.raises(AdapterNotFoundError):
        promote(home, name)
    assert read_release(home) == first


def test_an_adapter_for_another_prompt_is_not_promoted(home: Path) -> None:
    files = trained(home.parent / "run", b"one")
    record = keep_adapter(home, "sft", files, Provenance("tiny@0", "another-prompt", "d" * 64))
    with pytest.raises(AdapterRejectedError, match="prompt"):
        promote(home, record.name)
    assert read_release(home).name == BASE


def test_rolling_back_walks_through_what_was_served_before(home: Path) -> None:
    one, two = keep(home, b"one"), keep(home, b"two", "dpo")
    promote(home, one.name)
    promote(home, two.name)
    promote(home, BASE)
    assert read_release(home).name == BASE
    assert rollback(home).name == two.name
    assert rollback(home).name == one.name
    assert rollback(home).name == BASE
    assert read_release(home).name == BASE
    with pytest.raises(UsageError, match="nothing to roll back"):
        rollback(home)


def test_promoting_after_a_rollback_goes_back_to_what_was_served_then(home: Path) -> None:
    one, two, three = keep(home, b"one"), keep(home, b"two"), keep(home, b"three")
    promote(home, one.name)
    promote(home, two.name)
    rollback(home)
    promote(home, three.name)
    assert rollback(home).name == one.name


def test_the_report_that_let_a_release_through_is_kept_with_it(home: Path) -> None:
    name = keep(home, b"one").name
    promote(home, name, Proof('{"passed": true}', "e" * 64))
    assert read_release(home).report_sha256 == "e" * 64
    assert report_path(home, "e" * 64).read_text() == '{"passed": true}'
    promote(home, BASE)
    assert read_release(home).report_sha256 is None
    assert rollback(home).report_sha256 == "e" * 64


def test_a_canary_stands_beside_what_is_served_and_ends_with_a_promotion(home: Path) -> None:
    one, two = keep(home, b"one"), keep(home, b"two")
    promote(home, one.name)
    start_canary(home, two.name, 0.05, Proof("{}", "f" * 64))
    candidate = read_candidate(home)
    assert candidate is not None
    assert (read_release(home).name, candidate.name) == (one.name, two.name)
    assert candidate.report_sha256 == "f" * 64
    promote(home, two.name)
    assert (read_release(home).name, read_candidate(home)) == (two.name, None)
    # What came before the canary comes back, and not the canary.
    assert rollback(home).name == one.name
    assert read_candidate(home) is None
    assert rollback(home).name == BASE


def test_what_can_no_longer_be_served_is_not_rolled_back_to(home: Path) -> None:
    one, two = keep(home, b"one"), keep(home, b"two")
    promote(home, one.name)
    promote(home, two.name)
    shutil.rmtree(one.path)
    with pytest.raises(AdapterNotFoundError):
        rollback(home)
    assert read_release(home).name == two.name


def test_a_roll_back_ends_a_canary_first(home: Path) -> None:
    one, two = keep(home, b"one"), keep(home, b"two")
    start_canary(home, one.name, 0.05)
    assert rollback(home).name == BASE
    promote(home, one.name)
    start_canary(home, two.name, 0.05)
    start_canary(home, two.name, 0.25)
    assert rollback(home).name == one.name
    assert read_candidate(home) is None
    assert rollback(home).name == BASE


def test_only_the_canary_that_was_judged_is_taken_back(home: Path) -> None:
    one, two = keep(home, b"one"), keep(home, b"two")
    promote(home, one.name)
    first = start_canary(home, two.name, 0.05)
    second = start_canary(home, two.name, 0.1)
    assert not take_back(home, first.number, "slow")
    assert read_candidate(home) is not None
    assert take_back(home, second.number, "slow")
    assert not take_back(home, second.number, "slow")
    last = current_record(home)
    assert last is not None
    assert (last.change, last.reason, last.release, last.canary) == (
        Change.TAKEN_BACK, "slow", one.name, None
    )  # fmt: skip
    assert rollback(home).name == BASE


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 1.5, float("nan")])
def test_a_canary_is_a_part_of_the_conversations(home: Path, share: float) -> None:
    name = keep(home, b"one").name
    with pytest.raises(UsageError, match="above 0 % and below 100 %"):
        start_canary(home, name, share)
    assert read_history(home) == []


def test_what_is_served_is_no_canary(home: Path) -> None:
    name = keep(home, b"one").name
    promote(home, name)
    with pytest.raises(UsageError, match="served to all already"):
        start_canary(home, name, 0.05)
