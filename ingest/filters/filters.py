"""Which documents a search may look at, by what is stated about them.

A document meets a condition when one of its values under the key does, and a negated one when none does, so
also without the key. Whatever is stated is compared by what it says, not by how it was written: the texts
"2024" and "2024-05-31" are a number and a date.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from ingest.document import MetadataValue

Kind = Literal["written", "number", "truth", "day", "moment"]
Comparison = Literal["gte", "gt", "lte", "lt"]
Meaning = tuple[Kind, Any]
"""One thing that a value says; values of the same kind compare."""

_INTEGER = re.compile(r"-?\d{1,400}")
_NUMBER = re.compile(r"-?\d{1,400}(?:\.\d{1,400})?(?:[eE][+-]?\d{1,4})?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:?\d\d)?)?")

_COMPARE: Mapping[Comparison, Callable[[Any, Any], bool]] = {
    "gte": operator.ge,
    "gt": operator.gt,
    "lte": operator.le,
    "lt": operator.lt,
}


def written(value: MetadataValue) -> tuple[str, ...]:
    """Each value that is stated, as the text that all comparisons start from."""
    if isinstance(value, tuple):
        return value
    if isinstance(value, bool):
        return ("true" if value else "false",)
    # SQLite reads numbers, too, and may differ from Python in the last digits of a float.
    return (format(value, ".14g") if isinstance(value, float) else str(value),)


def meanings(text: str) -> Mapping[Kind, Any]:
    """All that a stated value says: a point in time lies on a day, too, and a day begins at a point."""
    if text in ("true", "false"):
        return {"written": text, "truth": text == "true"}
    if _NUMBER.fullmatch(text):
        number = int(text) if _INTEGER.fullmatch(text) else float(text)
        return {"written": text, "number": number} if math.isfinite(number) else {"written": text}
    if _DATE.fullmatch(text):
        try:
            moment = datetime.fromisoformat(text)
            return {"written": text, "moment": _in_utc(moment), "day": moment.date()}
        except (ValueError, OverflowError):  # the 31st of February
            pass
    return {"written": text}


def meant(text: str) -> Meaning:
    """The one thing that a text says in a filter: a date without a time means the whole day."""
    said = meanings(text)
    kind = "moment" if "moment" in said and len(text) > len("2024-05-31") else tuple(said)[-1]
    return kind, said[kind]


@dataclass(frozen=True, slots=True)
class OneOf:
    """The value is one of these."""

    values: frozenset[Meaning]

    def admits(self, said: Mapping[Kind, Any]) -> bool:
        """Whether a value that says this meets the test."""
        return not self.values.isdisjoint(said.items())

    @property
    def key(self) -> str:
        return f"in {sorted(map(repr, self.values))}"


@dataclass(frozen=True, slots=True)
class Between:
    """The value is a number or a date within all of these bounds."""

    bounds: tuple[tuple[Comparison, Meaning], ...]

    def admits(self, said: Mapping[Kind, Any]) -> bool:
        """See ``OneOf.admits``."""
        return all(
            kind in said and _COMPARE[comparison](said[kind], bound)
            for comparison, (kind, bound) in self.bounds
        )

    @property
    def key(self) -> str:
        return repr(sorted(self.bounds, key=repr))


@dataclass(frozen=True, slots=True)
class StartsWith:
    """The value, as it is written, begins with this; the empty prefix asks for any value at all."""

    prefix: str

    def admits(self, said: Mapping[Kind, Any]) -> bool:
        """See ``OneOf.admits``."""
        return said["written"].startswith(self.prefix)

    @property
    def key(self) -> str:
        return f"from {self.prefix!r}"


@dataclass(frozen=True, slots=True)
class Condition:
    """What is asked of the values under ``name``: that one of them passes the test, or that none does."""

    name: str
    test: OneOf | Between | StartsWith
    negated: bool = False

    @property
    def key(self) -> str:
        return f"{self.name!r} {'not ' if self.negated else ''}{self.test.key}"


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions that a document must meet, all of them; without any, each document does."""

    conditions: tuple[Condition, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.conditions)

    @property
    def key(self) -> str:
        """The same text for the same conditions in whatever order; empty without any."""
        return " and ".join(sorted(condition.key for condition in self.conditions))


EVERYTHING = Filter()


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
