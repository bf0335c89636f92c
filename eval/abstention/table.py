"""A calibration for a person at a terminal."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table
from rich.text import Text

from eval.abstention.calibrate import Calibration, Outcome
from eval.abstention.guarantee import CONFIDENCE


def calibration_table(found: Calibration) -> Group:
    """What evidence alone comes to, what the fit does, and whether it is kept."""
    target, fitted = found.target, found.fitted
    table = Table("cases held out", *(name.replace("_", " ") for name in Outcome.__slots__))
    rows = {
        "by evidence alone": found.before,
        f"at most {found.max_wrong:.0%} wrong": found.after,
        "answerable refused as often": found.at_same_refusals,
    }
    for name, outcome in rows.items():
        table.add_row(name, *(f"{getattr(outcome, key):.3f}" for key in Outcome.__slots__))
    kept = (
        f"kept: answers from a chance of {fitted.threshold:.2f} on, by {CONFIDENCE:.0%} confidence at most "
        f"{found.max_wrong:.0%} of them wrong"
        if fitted
        else f"not kept: no threshold keeps wrong answers at {found.max_wrong:.0%}: allow more, or add cases"
    )
    return Group(f"{target.collection} · release {target.release} · {found.cases} cases", table, Text(kept))
