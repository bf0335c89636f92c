"""The order in which a reader takes in what stands on a slide."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

Place = tuple[float, float]
"""Where something stands: its distance from the top and from the left, in any one unit."""

_T = TypeVar("_T")


def in_reading_order(items: Iterable[tuple[Place | None, _T]], band: float) -> list[_T]:
    """From top to bottom, and from left to right where things stand side by side.

    Args:
        items: things with their places; those without one come last, in the order given.
        band: how much the tops of things that stand side by side may differ.
    """
    placed: list[tuple[Place, _T]] = []
    unplaced: list[_T] = []
    for place, item in items:
        if place is None:
            unplaced.append(item)
        else:
            placed.append((place, item))
    placed.sort(key=lambda entry: entry[0])
    ordered: list[_T] = []
    row: list[tuple[Place, _T]] = []
    for entry in placed:
        if row and entry[0][0] > row[0][0][0] + band:
            ordered += _from_the_left(row)
            row = []
        row.append(entry)
    return ordered + _from_the_left(row) + unplaced


def _from_the_left(row: list[tuple[Place, _T]]) -> list[_T]:
    return [item for _, item in sorted(row, key=lambda entry: entry[0][1])]
