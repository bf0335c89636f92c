"""Decide whether a candidate may take the place of what is served.

Each rule holds an interval of 95 % against a bound, which is a one-sided test at 2.5 %: of superiority, of
non-inferiority (ICH E9, section 3.3.2), or of a level. All rules have to hold, so the chance that a candidate
that breaks one of them passes is no more than that of the single test, without adjustment for their number
(the intersection-union test: Berger 1982). What can't be judged doesn't hold.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from eval.decision.compare import FEWEST_SOURCES, compare
from eval.decision.comparison import Row, Side
from eval.decision.finding import CaseSet, Finding, RuleKind
from eval.decision.gate_config import Absolute, GateConfig, NotInferior, Ratio, Superior
from eval.decision.pairs import Pairs
from eval.decision.weighted import paired_figures
from eval.measures.measure import Direction
from eval.measures.slices import case_slices
from eval.statistics.intervals import Interval
from ingest.errors import RunMismatchError, SettingsError, UsageError

AnyRule = Superior | NotInferior | Absolute | Ratio
_DIGITS = 6


def judge(config: GateConfig, target: Pairs, general: Pairs | None = None) -> tuple[Finding, ...]:
    """What was found of every rule, in the order of the configuration; the first of a pair is the baseline.

    Raises:
        RunMismatchError: the two runs of a pair are not finished, or not of the same cases and snapshot.
        SettingsError: a rule names a measure that there isn't, or that knows no better and worse, or asks
            for a part of the cases where the figure is that of all.
        UsageError: a rule is about general cases, and there are none.
    """
    if general is None and config.asks_general:
        raise UsageError(
            "the gate's configuration has rules about general cases, and no runs over such cases were given: "
            "add --general-candidate and --general-baseline."
        )
    asked = {rule.measure for rule in config.rules}
    compared = {CaseSet.TARGET: _compared(target, asked)}
    if general is not None:
        compared[CaseSet.GENERAL] = _compared(general, asked)
    return tuple(
        finding_of(rule, _row(rule, part, compared[rule.on]), config.fewest_sources)
        for rule in config.rules
        for part in _parts(rule, compared[rule.on])
    )


@dataclass(frozen=True, slots=True)
class _Compared:
    """The rows of a comparison by measure and slice, and the names of all slices that the cases have.

    ``undivided`` are the measures that are told of all cases alone.
    """

    rows: Mapping[tuple[str, str | None], Row]
    slices: tuple[str, ...]
    undivided: frozenset[str]


def _compared(pairs: Pairs, measures: Collection[str]) -> _Compared:
    _check(pairs)
    comparison, slices = compare(pairs, measures), case_slices(pairs.first)
    # A comparison leaves out a slice that is all cases, since that has their figures.
    whole = (replace(row, slice=name) for name in slices if slices[name].all() for row in comparison.rows)
    rows = {(row.measure, row.slice): row for row in (*comparison.rows, *comparison.slices, *whole)}
    return _Compared(rows, tuple(slices), frozenset(figure.name for figure in paired_figures(pairs)))


def _check(pairs: Pairs) -> None:
    for run, records in ((pairs.first_run, pairs.first), (pairs.second_run, pairs.second)):
        if len(records) < run.case_count:
            raise RunMismatchError(
                f"the run {run.name} of {run.created_at} has {len(records)} of {run.case_count} answers: "
                "finish it with the same `troika eval answers` command, and ask the gate again."
            )
    # The records leave out the passages that an oracle run answers from; the digest has them.
    for what, baseline, candidate in (
        ("cases", pairs.first_run.cases_sha256, pairs.second_run.cases_sha256),
        ("snapshot", pairs.first_run.snapshot_id, pairs.second_run.snapshot_id),
    ):
        if baseline != candidate:
            raise RunMismatchError(
                f"the runs differ in {what}: {candidate} for the candidate and {baseline} for the baseline; "
                "run both on the same."
            )


def _parts(rule: AnyRule, compared: _Compared) -> Iterator[str | None]:
    """The slices that a rule is about; None for all cases, as where none is in a slice of that kind."""
    if rule.each is None:
        yield rule.slice
        return
    parts = [name for name in compared.slices if name.startswith(f"{rule.each}:")]
    yield from parts or [None]


def _row(rule: AnyRule, part: str | None, compared: _Compared) -> Row:
    """The row that a rule is about, an empty one where the part has too few sources to be compared at all."""
    whole = compared.rows.get((rule.measure, None))
    if whole is None:
        raise SettingsError(
            f"a rule names the measure {rule.measure!r}, which these runs don't have: "
            "take one of those that `troika eval compare` shows."
        )
    if whole.direction is Direction.NEITHER and not isinstance(rule, Ratio):
        raise SettingsError(
            f"a rule asks for a better {rule.measure}, of which neither more nor less is better: "
            "use [[ratio]] for it."
        )
    if rule.measure in compared.undivided and (rule.slice or rule.each):
        raise SettingsError(
            f"a rule asks for {rule.measure} of a part of the cases, and it is told of all of them alone: "
            "leave out `slice` and `each` for it."
        )
    empty = Row(rule.measure, whole.direction, part, 0, 0, Side(None, None), Side(None, None))
    return compared.rows.get((rule.measure, part), empty)


def finding_of(rule: AnyRule, row: Row, fewest_sources: int) -> Finding:
    """Whether ``rule`` holds for the figures in ``row``; not with fewer sources than ``fewest_sources``."""
    test = _test(rule, row)
    interval = test.interval if row.sources >= fewest_sources else None
    passed = interval is not None and (
        interval.high < test.bound if test.is_upper else interval.low > test.bound
    )
    return Finding(
        rule=test.kind,
        measure=rule.measure,
        slice=row.slice,
        on=rule.on,
        candidate=_rounded(row.second.value),
        baseline=_rounded(row.first.value),
        interval=None if interval is None else (round(interval.low, _DIGITS), round(interval.high, _DIGITS)),
        bound=test.bound,
        passed=passed,
        reason=_reason(row, test, interval, fewest_sources, passed=passed),
    )


def _reason(row: Row, test: _Test, interval: Interval | None, fewest_sources: int, *, passed: bool) -> str:
    subject = row.measure if row.slice is None else f"{row.measure} of {row.slice}"
    if interval is None:
        return f"{subject} can't be judged: {_missing(row, fewest_sources)}"
    found = f"{test.shown} {interval.low:.3f} to {interval.high:.3f}"
    if passed:
        return f"{subject} is {test.asked}: {found}"
    more = ""
    if test.kind is RuleKind.SUPERIOR and (row.cases_needed or 0) > row.cases:
        more = f" (about {row.cases_needed:,} cases would establish the difference seen)"
    return f"{subject} is not shown to be {test.asked}: {found}{more}"


def _missing(row: Row, fewest_sources: int) -> str:
    """Why there is no interval."""
    if row.sources < fewest_sources:
        if row.slice is None or row.sources:
            return f"cases about {row.sources} sources count, and {fewest_sources} must"
        must = max(fewest_sources, FEWEST_SOURCES)
        return f"cases about fewer than {FEWEST_SOURCES} sources count, and {must} must"
    sides = {"baseline": row.first, "candidate": row.second}
    undefined = [f"the {who}" for who, side in sides.items() if side.value is None]
    if undefined:
        return f"on these cases it is not defined for {' and '.join(undefined)}"
    return "the baseline's figure is 0, or could be by chance, and nothing is a multiple of it"


@dataclass(frozen=True, slots=True)
class _Test:
    """An interval that has to be above a bound, or below it where ``is_upper``; the rest are words."""

    kind: RuleKind
    interval: Interval | None
    bound: float
    is_upper: bool
    asked: str
    shown: str


def _test(rule: AnyRule, row: Row) -> _Test:
    match rule:
        case Superior(least_gain=least):
            asked = f"better by more than {least:g}" if least else "better"
            return _Test(RuleKind.SUPERIOR, row.gain, least, False, asked, "gain")
        case NotInferior(margin=margin):
            asked = f"at most {margin:g} worse"
            return _Test(RuleKind.NOT_INFERIOR, row.gain, -margin, False, asked, "gain")
        case Absolute(value=value):
            is_upper = row.direction is Direction.LOWER
            asked = f"{'below' if is_upper else 'above'} {value:g}"
            return _Test(RuleKind.ABSOLUTE, row.second.interval, value, is_upper, asked, "figure")
        case Ratio(most=most):
            asked = f"below {most:g} times the baseline's"
            return _Test(RuleKind.RATIO, row.ratio, most, True, asked, "ratio")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
