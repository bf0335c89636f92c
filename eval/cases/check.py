"""What a file of cases holds, what is wrong with it, and what of it stands in training data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.cases.case import Case
from eval.cases.choices import LeakKind
from eval.cases.leaks import LeakReport, find_leaks
from eval.cases.read import scan_cases
from eval.cases.training_text import read_training
from ingest.errors import CasesError

_SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Counts of the sound cases, the complaints about the others, and the leaks if they were looked for."""

    answerable: Mapping[bool, int]
    languages: Mapping[str, int]
    tags: Mapping[str, int]
    located: int
    problems: tuple[str, ...]
    leaks: LeakReport | None

    @property
    def cases(self) -> int:
        """How many sound cases there are."""
        return sum(self.answerable.values())

    def to_json(self, most: int) -> dict[str, object]:
        """The form that ``troika eval cases check --json`` prints, with at most ``most`` leaks."""
        document: dict[str, object] = {
            "cases": self.cases,
            "answerable": self.answerable.get(True, 0),
            "with_document": self.located,
            "languages": dict(self.languages),
            "tags": dict(self.tags),
            "problems": list(self.problems),
        }
        if self.leaks is not None:
            document["training_rows"] = self.leaks.rows
            document |= self.leaks.as_json(most)
        return document

    def lines(self, most: int) -> Iterator[str]:
        """The report for a person at a terminal, with at most ``most`` complaints and ``most`` leaks."""
        yield f"{self.cases} cases: {_counts({'answerable': self.answerable.get(True, 0)})}, " + (
            f"{self.answerable.get(False, 0)} unanswerable, {self.located} name a document"
        )
        yield f"languages: {_counts(self.languages)}"
        if self.tags:
            yield f"tags: {_counts(self.tags)}"
        yield from self.problems[:most]
        if len(self.problems) > most:
            yield f"… and {len(self.problems) - most} more lines"
        if self.leaks is not None:
            yield from _leak_lines(self.leaks, most)


def check_cases(path: Path, against: Sequence[Path], allowed: Collection[LeakKind] = ()) -> CheckReport:
    """Read all cases of ``path``, and look for them in the training data ``against``.

    Leaks of the kinds ``allowed`` are passed over.

    Raises:
        CasesError: a file cannot be read on, or the training data have another form.
    """
    found = [*scan_cases(path)]
    cases = [case for case in found if isinstance(case, Case)]
    rows = [row for source in against for row in read_training(source)]
    return CheckReport(
        answerable=Counter(case.answerable for case in cases),
        languages=Counter(case.language for case in cases),
        tags=Counter(tag for case in cases for tag in case.tags),
        located=sum(bool(case.relevant) for case in cases),
        problems=tuple(str(problem) for problem in found if isinstance(problem, CasesError)),
        leaks=find_leaks(cases, rows).without(allowed) if against else None,
    )


def _leak_lines(report: LeakReport, most: int) -> Iterator[str]:
    if not report.leaks:
        yield f"no case stands in the {report.rows} rows of training data"
        return
    counts = {kind.value: report.count(kind) for kind in LeakKind}
    yield (
        f"{len({leak.case_id for leak in report.leaks})} cases stand in the {report.rows} rows of training "
        + (f"data; the same: {_counts(counts)}")
    )
    for leak in report.leaks[:most]:
        what = " ".join(leak.what.split())[:_SHOWN_CHARACTERS]
        yield f"  {leak.kind} ({leak.score:.2f}): case {leak.case_id}, {leak.place}: {what}"
    if len(report.leaks) > most:
        yield f"  … and {len(report.leaks) - most} more"
    yield "leave these cases out, or split anew with `troika eval cases split`"


def _counts(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counted.items())
