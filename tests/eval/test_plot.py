"""A plot is an SVG file with its axes, its lines and their names."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from eval.plot import Axis, Line, Plot, write_plot

SVG = "{http://www.w3.org/2000/svg}"


def drawn(path: Path, plot: Plot) -> tuple[list[str], list[tuple[float, float]]]:
    """The texts of a plot, and the places of its points (the legend's come with them)."""
    root = ElementTree.parse(write_plot(path, plot)).getroot()
    texts = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    points = [(float(dot.attrib["cx"]), float(dot.attrib["cy"])) for dot in root.iter(f"{SVG}circle")]
    return texts, points


def test_lines_are_drawn_with_their_names_and_round_ticks(tmp_path: Path) -> None:
    lines = (Line("a < b", ((1_000.0, 1.0), (100_000.0, 30.0))), Line("other", ((10_000.0, 10.0),)))
    plot = Plot("A title", Axis("chunks", logarithmic=True), Axis("ms", logarithmic=True), lines)
    texts, points = drawn(tmp_path / "plot.svg", plot)
    assert {"A title", "chunks", "ms", "a < b", "other", "1k", "10k", "100k", "1", "10"} <= set(texts)
    assert len(points) == 3 + len(lines)


def test_more_is_further_right_and_further_up(tmp_path: Path) -> None:
    plot = Plot("t", Axis("x"), Axis("y"), (Line("one", ((0.0, 0.5), (10.0, 0.9))),))
    texts, points = drawn(tmp_path / "plot.svg", plot)
    (first_x, first_y), (second_x, second_y), _ = points
    assert second_x > first_x
    assert second_y < first_y
    assert {"0", "5", "10", "0.5", "0.9"} <= set(texts)


def test_a_single_point_can_be_drawn(tmp_path: Path) -> None:
    plot = Plot("t", Axis("x", logarithmic=True), Axis("y"), (Line("one", ((5.0, 1.0),)),))
    assert len(drawn(tmp_path / "plot.svg", plot)[1]) == 2
