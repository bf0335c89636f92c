"""An ingest that is killed leaves the old or the new collection, and the next one ends as if nothing was."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.snapshots.collection import Collection
from tests.ingest.crash.killed_runs import Ending, KilledRuns, Order, points
from tests.ingest.crash.scene import COLLECTION, Scene, litter, state_of, update

_SIGKILL = 9


@pytest.fixture(scope="module")
def runs() -> Iterator[KilledRuns]:
    """Where runs are forked and killed."""
    with KilledRuns() as runs:
        yield runs


def run_and_mend(runs: KilledRuns, scene: Scene, home: Path, order: Order) -> Ending:
    """Let a run be killed, look at what it left, run again, and look again."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(scene.home, home)
    ending = runs.run(order)
    assert ending.signal == _SIGKILL or ending.code == 0
    left = state_of(home)
    if not (order.lexical_first and left.documents == scene.new.documents):
        assert left in (scene.old, scene.new)
    assert left.documents in (scene.old.documents, scene.new.documents)
    update(home, scene.folder)
    assert state_of(home) == scene.new
    assert litter(home) == []
    if not order.lexical_first:
        kept = Collection(home, COLLECTION).published()
        assert kept[0].name == Collection(scene.home, COLLECTION).current_id(), "no way back is left"
    return ending


def sweep(runs: KilledRuns, scene: Scene, home: Path, wanted: int, *, lexical_first: bool) -> set[str]:
    """Kill at ``wanted`` of the events of a run; returns the stages in which it was killed."""
    order = Order(str(home), str(scene.folder), lexical_first=lexical_first)
    stages = run_and_mend(runs, scene, home, order).stages
    events = points(stages, wanted, seed=wanted)
    for event in events:
        fatal = Order(str(home), str(scene.folder), event=event, lexical_first=lexical_first)
        ending = run_and_mend(runs, scene, home, fatal)
        # A run has a few events more or less than the one before: waiting for workers is a matter of time.
        if ending.signal != _SIGKILL:
            assert len(ending.stages) <= event, f"the run outlived event {event}"
            assert event >= 0.95 * len(stages), f"the run had only {len(ending.stages)} events"
    return {stages[event] for event in events}


ALL_STAGES = {"parse", "write", "embed", "merge", "publish", "switch", "prune"}


def test_a_run_killed_at_any_call_loses_and_doubles_nothing(
    runs: KilledRuns, scene: Scene, tmp_path: Path
) -> None:
    assert sweep(runs, scene, tmp_path / "home", 60, lexical_first=False) >= ALL_STAGES


def test_a_run_that_publishes_bm25_first_may_be_killed_at_any_call(
    runs: KilledRuns, scene: Scene, tmp_path: Path
) -> None:
    assert "embed" in sweep(runs, scene, tmp_path / "home", 20, lexical_first=True)


def test_a_run_may_be_killed_at_any_time(runs: KilledRuns, scene: Scene, tmp_path: Path) -> None:
    assert kill_after_times(runs, scene, tmp_path / "home", 15) > 0


@pytest.mark.slow
@pytest.mark.parametrize("lexical_first", [False, True])
def test_a_thousand_kills(runs: KilledRuns, scene: Scene, tmp_path: Path, lexical_first: bool) -> None:
    assert sweep(runs, scene, tmp_path / "home", 400, lexical_first=lexical_first) >= ALL_STAGES
    assert kill_after_times(runs, scene, tmp_path / "home", 200, lexical_first=lexical_first) > 0


def kill_after_times(
    runs: KilledRuns, scene: Scene, home: Path, wanted: int, *, lexical_first: bool = False
) -> int:
    """Kill after ``wanted`` times from nothing to the length of a whole run; how many did not end first."""
    order = Order(str(home), str(scene.folder), seconds=60, lexical_first=lexical_first)
    whole = run_and_mend(runs, scene, home, order).seconds
    killed = 0
    for number in range(wanted):
        sooner = replace(order, seconds=whole * number / wanted)
        killed += run_and_mend(runs, scene, home, sooner).signal == _SIGKILL
    return killed


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_a_killed_run_takes_the_processes_that_parse_with_it(
    runs: KilledRuns, scene: Scene, tmp_path: Path, share: float
) -> None:
    home = tmp_path / "home"
    whole = run_and_mend(
        runs, scene, home, Order(str(home), str(scene.folder), seconds=60, processes=True)
    ).seconds
    before = workers()
    order = Order(str(home), str(scene.folder), seconds=whole * share, processes=True)
    run_and_mend(runs, scene, home, order)
    deadline = time.monotonic() + 5
    while (left := workers() - before) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left


def workers() -> set[int]:
    """The processes that parse for a run whose process has gone."""
    found: set[int] = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            parent = int((process / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if b"text_characters" in command and parent == 1:
            found.add(int(process.name))
    return found
