"""How long prompts and answers are, as a histogram in text."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from finetune.data.encode import Tokenizer, encode_prompt
from finetune.data.rows import JudgedAnswer, PreferencePair, RankedAnswers, Row, TrainingExample

_BAR = 40
_EDGES = tuple(2**power for power in range(3, 24))


@dataclass(frozen=True, slots=True)
class RowLength:
    """Of one row: its prompt, and the longest of its answers with the token that ends the turn."""

    prompt: int
    answer: int

    @property
    def whole(self) -> int:
        return self.prompt + self.answer


@dataclass(frozen=True, slots=True)
class Lengths:
    """The lengths of all rows, shortest first; there is one at least."""

    values: tuple[int, ...]

    @classmethod
    def of(cls, values: Sequence[int]) -> Lengths | None:
        """``values`` in any order; None for none."""
        return cls(tuple(sorted(values))) if values else None

    def quantile(self, share: float) -> int:
        """The length that at least ``share`` of the rows do not exceed."""
        return self.values[max(0, math.ceil(share * len(self.values)) - 1)]

    @property
    def bins(self) -> tuple[tuple[int, int], ...]:
        """``(longest, rows)`` of bins that double, from the first to the last that holds a row."""
        counts = Counter(bisect_left(_EDGES, value) for value in self.values)
        return tuple((_EDGES[place], counts[place]) for place in range(min(counts), max(counts) + 1))

    def to_json(self) -> dict[str, object]:
        """Median, 90 % quantile, longest, and the bins."""
        return {
            "median": self.quantile(0.5),
            "p90": self.quantile(0.9),
            "longest": self.values[-1],
            "histogram": [{"up_to": longest, "rows": rows} for longest, rows in self.bins],
        }

    def lines(self) -> Iterator[str]:
        """The bins as bars."""
        most = max(rows for _, rows in self.bins)
        width = len(str(self.bins[-1][0]))
        for longest, rows in self.bins:
            bar = "█" * round(_BAR * rows / most) or ("▏" if rows else "")
            yield f"  ≤ {longest:>{width}}  {bar} {rows}"


def token_counter(tokenizer: Tokenizer) -> Callable[[Row], RowLength]:
    """Counts tokens as training will."""

    def count(row: Row) -> RowLength:
        longest = max(len(tokenizer.encode(answer)) for answer in written_answers(row))
        return RowLength(len(encode_prompt(tokenizer, row.messages)), longest + 1)

    return count


def no_longer_than(tokens: int, tokenizer: Tokenizer) -> Callable[[Row], bool]:
    """Tells whether prompt and answer of a row have at most ``tokens`` tokens, counted as training will."""
    count = token_counter(tokenizer)
    return lambda row: count(row).whole <= tokens


def count_characters(row: Row) -> RowLength:
    """Counts code points, where no tokenizer is at hand."""
    prompt = sum(len(message.content) for message in row.messages)
    return RowLength(prompt, max(map(len, written_answers(row))))


def written_answers(row: Row) -> tuple[str, ...]:
    """All answers of a row, the better ones first."""
    match row:
        case TrainingExample():
            return (row.target,)
        case PreferencePair():
            return row.chosen, row.rejected
        case JudgedAnswer():
            return (row.answer,)
        case RankedAnswers():
            return row.answers
