"""What an answer run found, as a value and as the JSON of ``report.json``.

Everything but ``times`` is a pure function of the answers: a second run that answers alike has the same
bytes there, in whatever order its records came.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import msgspec
import numpy as np

from eval.measures.confidence import calibration, confidence_figures, risk_coverage
from eval.measures.measure import Measure
from eval.measures.slices import case_slices, source_clusters
from eval.metrics.confidence import CalibrationBin, RiskPoint
from eval.reports.diagnosis import Diagnosis, diagnose
from eval.reports.figure import DIGITS, Slice, ratio_figures, weighted_figures
from eval.reports.times import Percentiles, answer_times, percentiles
from eval.runs.record import CaseRecord, Failure, RunIdentity

SCHEMA = 1
CURVE_POINTS = 200
"""Most that a curve is told by, however many cases it is of."""


@dataclass(frozen=True, slots=True)
class AnswerReport:
    """The figures of an answer run, of all its cases and of each slice of them.

    Slices are those of ``eval.measures.slices``; their figures are the ratios alone. ``diagnoses`` counts
    what went wrong; ``failures`` are the errors by the case's id. ``times`` are those of ``answer_times``.
    """

    identity: RunIdentity
    whole: Slice
    slices: tuple[Slice, ...]
    diagnoses: Mapping[Diagnosis, int]
    risk_coverage: tuple[RiskPoint, ...]
    calibration: tuple[CalibrationBin, ...]
    failures: Mapping[str, Failure]
    times: Mapping[str, Percentiles]

    def to_json(self) -> dict[str, object]:
        """The report in the form of ``report.json`` and of ``troika eval answers --json``."""
        run = asdict(self.identity)
        created_at = run.pop("created_at")
        return {
            "schema": SCHEMA,
            "run": run,
            **self.whole.to_json(),
            "slices": {part.name: part.to_json() for part in self.slices},
            "diagnoses": dict(self.diagnoses),
            "risk_coverage": [_rounded(asdict(point)) for point in self.risk_coverage],
            "calibration": [_rounded(asdict(part)) for part in self.calibration],
            "failures": [
                {"id": case, "code": failure.code, "reason": failure.message}
                for case, failure in self.failures.items()
            ],
            "times": {
                "created_at": created_at,
                "latency_ms": {name: times.to_json() for name, times in self.times.items()},
            },
        }

    def canonical_json(self) -> str:
        """The same as text: keys in order, two spaces a level, no character escaped without need."""
        document = msgspec.json.encode(self.to_json(), order="deterministic")
        return msgspec.json.format(document, indent=2).decode() + "\n"


def report_answers(
    identity: RunIdentity, records: Sequence[CaseRecord], measures: Sequence[Measure]
) -> AnswerReport:
    """What the records of a run come to.

    Args:
        records: at least one, sorted by the case's id.
        measures: of ``records``, in their order.
    """
    clusters = source_clusters(records)
    confidence = weighted_figures(confidence_figures(records), clusters)
    slices = (
        Slice(name, int(chosen.sum()), ratio_figures([m.of(chosen) for m in measures], clusters[chosen]))
        for name, chosen in case_slices(records).items()
    )
    found = Counter(diagnose(record) for record in records)
    return AnswerReport(
        identity=identity,
        whole=Slice("all", len(records), (*ratio_figures(measures, clusters), *confidence)),
        slices=tuple(slices),
        diagnoses={diagnosis: found[diagnosis] for diagnosis in Diagnosis},
        risk_coverage=_thinned(risk_coverage(records)),
        calibration=calibration(records),
        failures={record.case.id: record.failure for record in records if record.failure is not None},
        times={name: percentiles(taken) for name, taken in answer_times(records).items()},
    )


def _rounded(numbers: Mapping[str, float]) -> dict[str, float]:
    return {name: round(number, DIGITS) for name, number in numbers.items()}


def _thinned(points: Sequence[RiskPoint]) -> tuple[RiskPoint, ...]:
    """At most ``CURVE_POINTS`` of the points, evenly spread, the first and the last among them."""
    places = np.linspace(0, len(points) - 1, CURVE_POINTS).round()
    return tuple(points[place] for place in dict.fromkeys(map(int, places))) if points else ()
