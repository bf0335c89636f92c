"""The loss of a run over its steps, as a drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eval.plot import Axis, Line, Plot

_SHARE = 0.05


def loss_plot(title: str, curve: Sequence[Mapping[str, float]]) -> Plot:
    """The loss of each logged step, and its mean over the last twentieth of the run up to there.

    Args:
        curve: entries with ``step`` and ``loss``, at least one, by step.
    """
    steps = [entry["step"] for entry in curve]
    losses = [entry["loss"] for entry in curve]
    window = max(1, round(len(curve) * _SHARE))
    means = [sum(losses[max(0, end - window) : end]) / min(end, window) for end in range(1, len(losses) + 1)]
    lines = (
        Line("each step", tuple(zip(steps, losses, strict=True))),
        Line(f"mean of {window}", tuple(zip(steps, means, strict=True))),
    )
    return Plot(title, Axis("step"), Axis("loss"), lines if window > 1 else lines[:1])
