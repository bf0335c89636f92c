"""What tuning found: ``tuning.json``, ``troika.toml`` where it helps, and a table for a terminal."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

from rich.console import Group
from rich.table import Table
from rich.text import Text

from eval.tuning.tune import Trial, Tuned
from ingest.errors import UsageError
from ingest.snapshots.durable import replace_text

REPORT = "tuning.json"
CONFIGURATION = "troika.toml"
_MARK = "# Found by `troika eval tune`"


def require_own(folder: Path) -> None:
    """Refuse to write over a configuration that a person wrote.

    Raises:
        UsageError
    """
    path = folder / CONFIGURATION
    if path.exists() and not path.read_text("utf-8").startswith(_MARK):
        raise UsageError(
            f"{path} was not written by `troika eval tune` and would be overwritten: name another folder "
            "with --out."
        )


def write_results(tuned: Tuned, folder: Path, *, force: bool) -> Path | None:
    """Write the report, and the winning settings where they are established to be better (or by ``force``).

    Returns the path of the settings. Those of an earlier search that do not hold any more are deleted.
    """
    path = folder / CONFIGURATION
    replace_text(folder / REPORT, json.dumps(to_json(tuned), ensure_ascii=False, indent=2) + "\n")
    if not (tuned.helps or force):
        path.unlink(missing_ok=True)
        return None
    replace_text(path, configuration(tuned))
    return path


def to_json(tuned: Tuned) -> dict[str, object]:
    """The form of ``tuning.json`` and of ``troika eval tune --json``; times of a search in milliseconds."""
    return {
        "collection": tuned.collection,
        "labels": tuned.labels,
        "objective": tuned.objective,
        "cases": tuned.cases,
        "current": _trial_json(tuned.current),
        "best": _trial_json(tuned.best),
        "out_of_fold": round(tuned.out_of_fold, 6),
        "difference": round(tuned.out_of_fold - tuned.current.mean, 6),
        "interval": [round(tuned.difference.low, 6), round(tuned.difference.high, 6)],
        "established": tuned.helps,
        "max_latency_ms": tuned.limits.p95_ms,
        "trials": tuned.limits.trials,
        "measured": [_trial_json(trial) for trial in tuned.trials],
        "seconds": round(tuned.seconds, 1),
    }


def configuration(tuned: Tuned) -> str:
    """The settings that change, as TOML, with what they are worth in comments."""
    lines = [f"{_MARK} for the collection {tuned.collection!r}."]
    lines += [f"# {line}" for line in _verdict(tuned)]
    for section, changes in groupby(tuned.changes, key=lambda change: change.key.split(".")[0]):
        lines += ["", f"[{section}]"]
        for change in changes:
            name = change.key.split(".")[1]
            lines.append(f"{name} = {json.dumps(change.after)}  # was {json.dumps(change.before)}")
    return "\n".join(lines) + "\n"


def tuned_lines(tuned: Tuned) -> Group:
    """The result for a person at a terminal."""
    table = Table("", f"{tuned.objective} of all cases", "search p95", "settings")
    for name, trial in (("current", tuned.current), ("best", tuned.best)):
        differing = set(tuned.best.candidate.values) ^ set(tuned.current.candidate.values)
        shown = ", ".join(
            f"{key} {value}" for key, value in trial.candidate.values if (key, value) in differing
        )
        table.add_row(name, f"{trial.mean:.4f}", f"{trial.p95_ms:.1f} ms", shown)
    return Group(table, Text("\n".join(_verdict(tuned))))


def _verdict(tuned: Tuned) -> list[str]:
    """What the search is worth, one statement a line."""
    limit = tuned.limits.p95_ms
    lines = [
        f"{tuned.objective} out of fold: {tuned.out_of_fold:.4f}, before {tuned.current.mean:.4f}, "
        f"difference {tuned.difference.low:+.4f} to {tuned.difference.high:+.4f}",
        f"{tuned.cases} cases of {tuned.labels}, {len(tuned.trials)} settings, {tuned.seconds:.0f} s",
        f"95 of 100 searches within {tuned.best.p95_ms:.1f} ms, before {tuned.current.p95_ms:.1f} ms"
        + ("" if limit is None else f", allowed {limit:g} ms"),
    ]
    if not tuned.is_within_limit:
        lines.append("no settings that were tried are within the limit: these are the fastest")
    if any(change.key.startswith("chunking.") for change in tuned.changes):
        lines.append("the next `troika ingest` cuts and embeds the collection anew")
    return lines


def _trial_json(trial: Trial) -> dict[str, object]:
    return {
        "settings": dict(trial.candidate.values),
        "mean": round(trial.mean, 6),
        "p95_ms": round(trial.p95_ms, 3),
    }
