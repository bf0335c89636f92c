"""The figures of ``troika bench cache``, as values, as JSON, as tables and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from rich.table import Table

from eval.bench.machine import Machine

WRONG_SHARE_GOAL = 0.01
LOOKUP_GOAL_MS = 6.0


@dataclass(frozen=True, slots=True)
class Serves:
    """What a cache did at one threshold: of ``asked`` questions it ``served`` some, ``wrong`` ones wrongly.

    ``by_vector_*`` are of a cache that looks at the cosine alone.
    """

    similarity: float
    asked: int
    served: int
    wrong: int
    by_vector_served: int
    by_vector_wrong: int

    @property
    def wrong_share(self) -> float:
        """Wrong answers among all questions."""
        return self.wrong / self.asked if self.asked else 0.0

    @property
    def hit_share(self) -> float:
        """Answers from the cache among all questions."""
        return self.served / self.asked if self.asked else 0.0


@dataclass(frozen=True, slots=True)
class SetFigures:
    """One set: questions put before in the very same words, the threshold fitted on the one half, and what
    came of the other half at each threshold."""

    name: str
    documents: int
    repeated: int
    fitted: float
    curve: tuple[Serves, ...]

    def at(self, similarity: float) -> Serves:
        """The figures at one of the curve's thresholds."""
        return next(serves for serves in self.curve if serves.similarity == similarity)


@dataclass(frozen=True, slots=True)
class LookupFigures:
    """Times of lookups in a full cache, milliseconds; ``embedded`` counts the question's embedding in."""

    entries: int
    exact_p50_ms: float
    exact_p99_ms: float
    semantic_p50_ms: float
    semantic_p99_ms: float
    embedded_p50_ms: float
    embedded_p99_ms: float


@dataclass(frozen=True, slots=True)
class CacheFigures:
    """All that ``troika bench cache`` measures; ``similarity`` is the setting's value."""

    machine: Machine
    similarity: float
    lookup: LookupFigures
    sets: tuple[SetFigures, ...]

    def to_json(self) -> dict[str, object]:
        """The figures in the form that ``troika bench cache --json`` prints."""
        return asdict(self)


def cache_rows(figures: CacheFigures) -> Iterator[tuple[str, ...]]:
    """A row for each set at the setting's threshold and at the one fitted to the set, the names first."""
    yield "questions", "threshold", "served", "wrong", "wrong of all", "cosine alone: served", "wrong"
    for found in figures.sets:
        for similarity in sorted({figures.similarity, found.fitted}):
            serves = found.at(similarity)
            note = " (fitted)" if similarity == found.fitted else ""
            yield (
                f"{found.name}, {serves.asked}",
                f"{similarity:.2f}{note}",
                f"{serves.served} ({serves.hit_share:.1%})",
                str(serves.wrong),
                f"{serves.wrong_share:.2%}",
                str(serves.by_vector_served),
                str(serves.by_vector_wrong),
            )


def lookup_line(lookup: LookupFigures) -> str:
    """The times on one line."""
    return (
        f"{lookup.entries} entries, p50 / p99: "
        f"exact {lookup.exact_p50_ms:.2f} / {lookup.exact_p99_ms:.2f} ms, "
        f"semantic {lookup.semantic_p50_ms:.2f} / {lookup.semantic_p99_ms:.2f} ms, with the question's "
        f"embedding {lookup.embedded_p50_ms:.2f} / {lookup.embedded_p99_ms:.2f} ms (goal: p99 ≤ "
        f"{LOOKUP_GOAL_MS:g} ms)"
    )


def cache_table(figures: CacheFigures) -> Table:
    """The figures for a person at a terminal."""
    names, *rows = cache_rows(figures)
    table = Table(title=lookup_line(figures.lookup))
    for name in names:
        table.add_column(name, justify="left" if name == names[0] else "right")
    for row in rows:
        table.add_row(*row)
    return table


def cache_markdown(figures: CacheFigures) -> str:
    """The figures as Markdown."""
    names, *rows = cache_rows(figures)
    return "\n".join(
        (lookup_line(figures.lookup), "", _line(names), "|---" * len(names) + "|", *map(_line, rows))
    )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
