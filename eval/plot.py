"""Line plots as SVG: no library, legible on light and on dark pages."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 220, 40, 52
_LEGEND_LINE = 20
_COLOURS = ("#2f81f7", "#e8710a", "#2da44e", "#bf4bd6", "#d1242f", "#8a8f98", "#b58900", "#0e9aa7")
_STEPS = (1.0, 2.0, 5.0)
_LINEAR_TICKS = 5
_ROOM = 0.05

_MARKED_POINTS = 30
"""A line of more points is drawn without a dot at each."""

# All rules are below .plot, because a page may hold the drawing among other things.
_STYLE = """
.plot text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.plot .title { font-weight: 600; font-size: 14px }
.plot .grid { stroke: #8a8f98; stroke-opacity: .3 }
.plot .axis { stroke: #57606a }
@media screen and (prefers-color-scheme: dark) {
.plot text { fill: #e6edf3 } .plot .axis { stroke: #9ea7b3 }
}
"""


@dataclass(frozen=True, slots=True)
class Axis:
    """What is drawn along one side; ``logarithmic`` values are above 0.

    ``ends`` are the first and last value on it; None for those of the points, with some room.
    """

    label: str
    logarithmic: bool = False
    ends: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """Points (x, y) under a name, joined in their order; ``dashed`` for what is only compared with."""

    name: str
    points: tuple[tuple[float, float], ...]
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines over two axes; there is at least one point."""

    title: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]


class _Scale:
    """Maps the values of an axis to pixels between ``start`` and ``end``."""

    def __init__(self, axis: Axis, values: list[float], start: float, end: float) -> None:
        self._logarithmic, self._start, self._end = axis.logarithmic, start, end
        low, high = map(self._place, axis.ends or (min(values), max(values)))
        room = 0.0 if axis.ends else (high - low) * _ROOM or _ROOM * (abs(high) or 1.0)
        self._low, self._high = low - room, high + room

    def pixel(self, value: float) -> float:
        share = (self._place(value) - self._low) / (self._high - self._low)
        return self._start + share * (self._end - self._start)

    def ticks(self) -> list[float]:
        """Round values within the axis: 1, 2 and 5 times powers of ten, or steps of such a size."""
        if self._logarithmic:
            powers = range(math.floor(self._low), math.ceil(self._high) + 1)
            rounds = [step * 10.0**power for power in powers for step in _STEPS]
            return [value for value in rounds if self._low <= math.log10(value) <= self._high]
        wanted = (self._high - self._low) / _LINEAR_TICKS
        power = 10.0 ** math.floor(math.log10(wanted))
        step = next(factor * power for factor in (*_STEPS, 10.0) if factor * power >= wanted)
        return [n * step for n in range(math.ceil(self._low / step), math.floor(self._high / step) + 1)]

    def _place(self, value: float) -> float:
        return math.log10(value) if self._logarithmic else value


def write_plot(path: Path, plot: Plot) -> Path:
    """Draw ``plot`` into an SVG file; returns its path."""
    path.write_text(plot_svg(plot) + "\n", "utf-8")
    return path


def plot_svg(plot: Plot) -> str:
    """``plot`` as an SVG element, for a file of its own or within HTML."""
    return "\n".join(_svg(plot))


def _svg(plot: Plot) -> Iterator[str]:
    points = [point for line in plot.lines for point in line.points]
    across = _Scale(plot.x, [x for x, _ in points], _LEFT, WIDTH - _RIGHT)
    up = _Scale(plot.y, [y for _, y in points], HEIGHT - _BOTTOM, _TOP)
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" {size} role="img">'
    yield f"<title>{escape(plot.title)}</title><style>{_STYLE}</style>"
    yield f'<text class="title" x="{_LEFT}" y="22">{escape(plot.title)}</text>'
    yield from _grid(plot, across, up)
    for number, line in enumerate(plot.lines):
        yield from _line(line, _COLOURS[number % len(_COLOURS)], across, up)
        yield from _legend(number, line.name, _COLOURS[number % len(_COLOURS)])
    yield "</svg>"


def _grid(plot: Plot, across: _Scale, up: _Scale) -> Iterator[str]:
    right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM
    for value in across.ticks():
        x = f"{across.pixel(value):.1f}"
        yield f'<path class="grid" d="M{x} {_TOP}V{bottom}"/>'
        yield f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{_number(value)}</text>'
    for value in up.ticks():
        y = up.pixel(value)
        yield f'<path class="grid" d="M{_LEFT} {y:.1f}H{right}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_number(value)}</text>'
    middle = (_LEFT + right) / 2
    yield f'<path class="axis" fill="none" d="M{_LEFT} {_TOP}V{bottom}H{right}"/>'
    yield f'<text x="{middle}" y="{HEIGHT - 12}" text-anchor="middle">{escape(plot.x.label)}</text>'
    place = f"translate(16 {(_TOP + bottom) / 2}) rotate(-90)"
    yield f'<text transform="{place}" text-anchor="middle">{escape(plot.y.label)}</text>'


def _line(line: Line, colour: str, across: _Scale, up: _Scale) -> Iterator[str]:
    places = [f"{across.pixel(x):.1f} {up.pixel(y):.1f}" for x, y in line.points]
    dashes = ' stroke-dasharray="6 5"' if line.dashed else ""
    yield f'<path fill="none" stroke="{colour}" stroke-width="2"{dashes} d="M{"L".join(places)}"/>'
    for place in places if len(places) <= _MARKED_POINTS and not line.dashed else ():
        x, y = place.split()
        yield f'<circle cx="{x}" cy="{y}" r="3.5" fill="{colour}"/>'


def _legend(number: int, name: str, colour: str) -> Iterator[str]:
    x, y = WIDTH - _RIGHT + 16, _TOP + 8 + number * _LEGEND_LINE
    yield f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>'
    yield f'<text x="{x + 12}" y="{y + 4}">{escape(name)}</text>'


def _number(value: float) -> str:
    for factor, sign in ((1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:g}{sign}"
    return f"{value:.4g}"
