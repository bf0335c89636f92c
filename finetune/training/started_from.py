"""What a run started from, kept in its folder before it trains: by the end, the files may be others.

::

    TROIKA_HOME/runs/METHOD-TIME/started_from.json
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from ingest.errors import AdapterRejectedError
from ingest.snapshots.durable import file_sha256, replace_text
from service.releases.release import WEIGHTS

STARTED_FROM = "started_from.json"


@dataclass(frozen=True, slots=True)
class StartedFrom:
    """SHA-256 of the weights of the adapter, and of the reward model; None without one."""

    adapter_sha256: str | None
    reward_model_sha256: str | None


def started_from(adapter: Path | None, reward_model: Path | None) -> StartedFrom:
    """The hashes as they are now.

    Raises:
        AdapterRejectedError: a folder has no weights.
    """
    return StartedFrom(_weights_sha256(adapter), _weights_sha256(reward_model))


def write_started_from(run: Path, start: StartedFrom) -> None:
    """Keep ``start`` in the folder of a run."""
    replace_text(run / STARTED_FROM, TypeAdapter(StartedFrom).dump_json(start, indent=1).decode())


def read_started_from(run: Path) -> StartedFrom | None:
    """What was kept in the folder of a run; None for one from before it was.

    Raises:
        AdapterRejectedError: it cannot be read.
    """
    path = run / STARTED_FROM
    if not path.is_file():
        return None
    try:
        return TypeAdapter(StartedFrom).validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise AdapterRejectedError(f"{path} cannot be read ({error}): start a new run.") from error


def require_unchanged(run: Path, kept: StartedFrom, now: StartedFrom) -> None:
    """Whether a run can go on: its first steps, its reference and its rewards come from those weights.

    Raises:
        AdapterRejectedError: the adapter or the reward model is another than when the run began.
    """
    for what, found, expected in (
        ("adapter", now.adapter_sha256, kept.adapter_sha256),
        ("reward model", now.reward_model_sha256, kept.reward_model_sha256),
    ):
        if found != expected:
            raise AdapterRejectedError(
                f"the {what} of the run in {run} has the SHA-256 {found} now, and had {expected} when it "
                "began: put it back as it was, or start a new run."
            )


def _weights_sha256(folder: Path | None) -> str | None:
    try:
        return None if folder is None else file_sha256(folder / WEIGHTS)
    except OSError as error:
        raise AdapterRejectedError(
            f"{folder} has no {WEIGHTS} that can be read ({error}): give the folder of a finished run."
        ) from error
