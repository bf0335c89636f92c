"""What the curve of a run on sampled answers holds, and what of it stands for the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

FIGURES = (
    "reward",
    "kl",
    "length",
    "ended",
    "right",
    "f1",
    "citation",
    "form",
    "refused",
    "beta",
    "value_loss",
)
"""``reward`` is the mean over the answers of a step, ``kl`` nats a token from the reference, ``length``
tokens an answer; the shares and parts are those of ``answer_figures``; the last two are of ``ppo`` alone."""

_ENDS = 0.1


def curve_details(curve: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each figure over the first and the last tenth of the steps, as NAME/first and NAME/last."""
    count = max(1, round(len(curve) * _ENDS))
    ends = {"first": curve[:count], "last": curve[-count:]}
    return {
        f"{name}/{end}": round(fmean(values), 6)
        for name in FIGURES
        for end, steps in ends.items()
        if (values := [step[name] for step in steps if name in step])
    }
