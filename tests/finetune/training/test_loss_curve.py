from __future__ import annotations

from xml.etree import ElementTree

from eval.plot import plot_svg
from finetune.training.loss_curve import loss_plot


def test_a_short_run_is_one_line_and_a_long_one_has_its_mean_beside_it() -> None:
    curve = [{"step": float(step), "loss": 4.0 / step} for step in range(1, 101)]
    assert [line.name for line in loss_plot("a", curve[:5]).lines] == ["each step"]
    each, mean = loss_plot("a", curve).lines
    assert each.points[0] == mean.points[0] == (1.0, 4.0)
    assert mean.points[-1][1] == sum(4.0 / step for step in range(96, 101)) / 5
    ElementTree.fromstring(plot_svg(loss_plot("a < b", curve)))
