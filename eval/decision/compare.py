"""Compare two runs on the same cases: measure by measure, over all cases and over each slice of them.

The p values of a measure over its slices are one family and adjusted by Holm's method. Measures are not
adjusted for each other: each is a question of its own, and which of them decides has to be said before
looking, in the configuration of a gate.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from eval.decision.comparison import Comparison, Row, Side
from eval.decision.pairs import Pairs
from eval.decision.weighted import paired_figures, weighted_row
from eval.measures.answers import answer_measures
from eval.measures.measure import BoolArray, Measure
from eval.measures.slices import case_slices
from eval.statistics.cluster_sums import cluster_sums
from eval.statistics.intervals import ratio_interval
from eval.statistics.power import difference_errors
from eval.statistics.resampling import drawn_clusters
from eval.statistics.significance import (
    Difference,
    difference_intervals,
    holm,
    own_intervals,
    permutation_p_values,
)

IntArray = npt.NDArray[np.int64]

# Below that, an interval says little, and one more slice only makes the others harder to establish.
FEWEST_SOURCES = 10


def compare(pairs: Pairs, only: Collection[str] | None = None) -> Comparison:
    """Every measure that both runs have, with what can be said of the difference.

    Slices with cases of fewer than 10 sources are left out, and those that are all cases.

    Args:
        only: the names of the measures that are wanted; None for all.
    """
    clusters = pairs.clusters
    measures = [(one, two) for one, two in _shared_measures(pairs) if only is None or one.name in only]
    rows = [
        *ratio_rows(measures, clusters, None),
        *(
            weighted_row(figure, clusters)
            for figure in paired_figures(pairs)
            if only is None or figure.name in only
        ),
    ]
    slices = [
        row
        for name, chosen in case_slices(pairs.first).items()
        if not chosen.all() and len(np.unique(clusters[chosen])) >= FEWEST_SOURCES
        for row in ratio_rows(measures, clusters, (name, chosen))
    ]
    return Comparison(
        first=pairs.first_run,
        second=pairs.second_run,
        cases=len(pairs.first),
        sources=int(clusters.max()) + 1,
        rows=tuple(rows),
        slices=tuple(_adjusted(slices)),
    )


def _shared_measures(pairs: Pairs) -> list[tuple[Measure, Measure]]:
    first = {measure.name: measure for measure in answer_measures(pairs.first)}
    second = {measure.name: measure for measure in answer_measures(pairs.second)}
    return [(first[name], second[name]) for name in first if name in second]


def ratio_rows(
    measures: Sequence[tuple[Measure, Measure]], clusters: IntArray, part: tuple[str, BoolArray] | None
) -> list[Row]:
    """A row for each measure of two systems, over the cases in ``part``, a slice with its name; None for all.

    Args:
        measures: those of the first and the second system, pair by pair.
        clusters: the number of each case's source, from 0, shape (cases,).
    """
    if not measures:
        return []
    name = None
    if part is not None:
        name, chosen = part
        measures = [(one.of(chosen), two.of(chosen)) for one, two in measures]
        clusters = np.unique(clusters[chosen], return_inverse=True)[1].astype(np.int64)
    first = cluster_sums([one for one, _ in measures], clusters)
    second = cluster_sums([two for _, two in measures], clusters)
    size = len(first.numerators)
    drawn = [(first.weighted(weights), second.weighted(weights)) for weights in drawn_clusters(size)]
    draws, other_draws = (np.concatenate(blocks) for blocks in zip(*drawn, strict=True))
    intervals, other_intervals = own_intervals(first, draws), own_intervals(second, other_draws)
    differences = difference_intervals(first, second, other_draws - draws)
    p_values = permutation_p_values(first, second)
    errors = difference_errors(first, second)
    counting = np.minimum(first.counting, second.counting)

    def row(at: int) -> Row:
        one, two = measures[at]
        counted = np.count_nonzero((one.denominators > 0.0) | (two.denominators > 0.0))
        sides = Side(one.value, intervals[at]), Side(two.value, other_intervals[at])
        made = Row(one.name, one.direction, name, int(counted), int(counting[at]), *sides)
        between = differences[at]
        if between is None or one.value is None or two.value is None:
            return made
        return replace(
            made,
            difference=Difference(two.value - one.value, between, float(p_values[at])),
            ratio=ratio_interval(draws[:, at], other_draws[:, at], int(counting[at])),
            standard_error=float(errors[at]),
        )

    return [row(at) for at in range(len(measures))]


def _adjusted(rows: Sequence[Row]) -> list[Row]:
    """The rows with p values adjusted over those of the same measure."""
    families: dict[str, list[tuple[int, Difference]]] = {}
    for place, row in enumerate(rows):
        if row.difference is not None:
            families.setdefault(row.measure, []).append((place, row.difference))
    adjusted = list(rows)
    for family in families.values():
        p_values = holm([difference.p_value for _, difference in family])
        for (place, difference), p_value in zip(family, p_values, strict=True):
            adjusted[place] = replace(rows[place], difference=replace(difference, p_value=p_value))
    return adjusted
