"""The changes that say which release is served.

Each appends a record to the history of releases and moves one pointer file. Whether an adapter has earned its
place is not judged here but where it is measured (``finetune.promote``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingest.errors import UsageError
from service.prompt import PROMPT_ID
from service.releases.adapters import add_adapter
from service.releases.release import AdapterRecord, Release, named_release
from service.releases.release_history import (
    BASE,
    Canary,
    Change,
    HistoryWriter,
    ReleaseRecord,
    came_with_package,
    keep_report,
    read_record,
    writing_history,
)


@dataclass(frozen=True, slots=True)
class Proof:
    """The text of a gate's report, and the digest that it is known by."""

    report: str
    sha256: str


def promote(home: Path, name: str, proof: Proof | None = None, first: AdapterRecord | None = None) -> Release:
    """Serve the adapter ``name`` to all from now on; ``base`` serves the base model alone. It ends a canary.

    Args:
        first: the adapter that comes with the package for the model that is set; before the first change it
            is kept as what a roll-back leads to.

    Raises:
        AdapterNotFoundError: no finished adapter has that name.
        AdapterRejectedError: it was trained on another prompt than the one served, or its files changed.
    """
    _check(home, name)
    report_sha256 = _kept(home, proof)
    with writing_history(home) as history:
        _begin(home, history, first)
        history.publish(
            Change.PROMOTED,
            name,
            reason=f"{name} was promoted",
            back_to=_came_before(history),
            report_sha256=report_sha256,
        )
    return named_release(home, name, report_sha256)


def start_canary(
    home: Path, name: str, share: float, proof: Proof | None = None, first: AdapterRecord | None = None
) -> ReleaseRecord:
    """Let the adapter ``name`` answer a share of the conversations, above 0 and below 1.

    Another share or another candidate takes the place of a canary that runs. ``first`` is as for ``promote``.

    Raises:
        UsageError: it is served already, or the share is none.
        AdapterNotFoundError, AdapterRejectedError: as ``promote``.
    """
    if not 0 < share < 1:
        raise UsageError(f"a canary of {share:.3%} is none: give a share above 0 % and below 100 %.")
    _check(home, name)
    with writing_history(home) as history:
        served = _served(home, history.last, first)
        if name == served:
            raise UsageError(f"{name} is served to all already: a canary tries another release.")
        _begin(home, history, first)
        last = history.last
        return history.publish(
            Change.CANARY,
            served,
            reason=f"{name} was let answer {share:.3g} of the conversations",
            back_to=_came_before(history),
            report_sha256=None if last is None else last.report_sha256,
            canary=Canary(name, share, _kept(home, proof)),
        )


def rollback(home: Path) -> Release:
    """Serve again what was served before the last change; a canary that runs is ended.

    Raises:
        UsageError: nothing came before what is served.
        AdapterNotFoundError, AdapterRejectedError: what came before can no longer be served.
    """
    with writing_history(home) as history:
        last = history.last
        if last is None or last.back_to is None:
            raise UsageError(
                "nothing was served before, there is nothing to roll back to: promote an adapter first, or "
                "`base` for the base model alone."
            )
        earlier = BASE if last.back_to == 0 else read_record(home, last.back_to).release
        if earlier != last.release:
            _check(home, earlier)
        ended = last.release if last.canary is None else f"the canary of {last.canary.release}"
        record = _restore(home, history, last.back_to, Change.ROLLED_BACK, f"{ended} was rolled back")
    return named_release(home, record.release, record.report_sha256)


def take_back(home: Path, number: int, reason: str) -> bool:
    """End the canary that the record ``number`` began; False if something else has ended it already."""
    with writing_history(home) as history:
        last = history.last
        if last is None or last.number != number or last.canary is None or last.back_to is None:
            return False
        _restore(home, history, last.back_to, Change.TAKEN_BACK, reason)
    return True


def _check(home: Path, name: str) -> None:
    # The base model is compared when the release is opened: only then it is known which one is served.
    candidate = named_release(home, name)
    candidate.check(base_model=candidate.base_model, prompt_id=PROMPT_ID)


def _begin(home: Path, history: HistoryWriter, first: AdapterRecord | None) -> None:
    """Begin an empty history with the adapter that came with the package."""
    if history.last is None and first is not None:
        kept = add_adapter(home, first.path)
        reason = f"{kept.name} came with the package"
        history.publish(Change.INSTALLED, kept.name, reason=reason, back_to=None)


def _served(home: Path, last: ReleaseRecord | None, first: AdapterRecord | None) -> str:
    """The name of what is served with the model that ``first`` comes with."""
    if last is None or (first is None and came_with_package(home, last)):
        return BASE if first is None else first.name
    return last.release


def _kept(home: Path, proof: Proof | None) -> str | None:
    if proof is None:
        return None
    keep_report(home, proof.report, proof.sha256)
    return proof.sha256


def _came_before(history: HistoryWriter) -> int | None:
    return 0 if history.last is None else history.last.came_before


def _restore(home: Path, history: HistoryWriter, number: int, change: Change, reason: str) -> ReleaseRecord:
    """Serve what the record ``number`` served, and lead back to where that one did."""
    if number == 0:
        return history.publish(change, BASE, reason=reason, back_to=None)
    earlier = read_record(home, number)
    return history.publish(
        change,
        earlier.release,
        reason=reason,
        back_to=earlier.back_to,
        report_sha256=earlier.report_sha256,
    )
