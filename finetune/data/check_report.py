"""What was found in a file of training rows, for a program and for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from eval.cases.choices import LeakKind
from eval.cases.leaks import LeakReport
from finetune.data.check_lengths import Lengths
from finetune.data.encode import MOST_TRUNCATED

_SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Counts of the sound rows, the complaints about the others, and the leaks if they were looked for.

    Attributes:
        rows: sound rows.
        kinds: rows by what they teach, or by what is wrong with the worse answer.
        refusals: rows whose answer says that the sources don't tell.
        problems: what is wrong with the lines that are no rows.
        empty: lines with a blank text that a model should read or write.
        repeated: rows that say what an earlier one says.
        other_prompt: rows that were rendered with another prompt than the one that is served.
        prompts, answers: lengths in ``unit``; None for a file without a sound row.
        cut_off: rows of more than ``max_length`` tokens; None where tokens were not counted.
        personal: values of personal data by kind, once for each row.
    """

    rows: int
    kinds: Mapping[str, int]
    languages: Mapping[str, int]
    refusals: int
    problems: tuple[str, ...]
    empty: int
    repeated: int
    other_prompt: int
    unit: Literal["tokens", "characters"]
    prompts: Lengths | None
    answers: Lengths | None
    max_length: int
    cut_off: int | None
    personal: Mapping[str, int]
    leaks: LeakReport | None

    @property
    def blocked(self) -> tuple[str, ...]:
        """Why no run may start on this file; empty where one may."""
        reasons: list[str] = []
        if self.leaks is not None and self.leaks.leaks:
            cases = len({leak.case_id for leak in self.leaks.leaks})
            reasons.append(f"{cases} evaluation cases stand in it: leave their rows out, or split anew")
        if self.other_prompt:
            reasons.append(f"{self.other_prompt} rows were made for another prompt: build them again")
        if self.cut_off and self.cut_off > MOST_TRUNCATED * self.rows:
            reasons.append(f"{self.cut_off} rows are longer than {self.max_length} tokens: raise max_length")
        return tuple(reasons)

    def to_json(self, most: int) -> dict[str, object]:
        """The form that ``--json`` prints, with at most ``most`` complaints and leaks."""
        document: dict[str, object] = {
            "rows": self.rows,
            "kinds": dict(self.kinds),
            "languages": dict(self.languages),
            "answerable": self.rows - self.refusals,
            "refusals": self.refusals,
            "broken": len(self.problems),
            "problems": list(self.problems[:most]),
            "empty": self.empty,
            "repeated": self.repeated,
            "other_prompt": self.other_prompt,
            "unit": self.unit,
            "prompt_length": self.prompts.to_json() if self.prompts else None,
            "answer_length": self.answers.to_json() if self.answers else None,
            "max_length": self.max_length,
            "cut_off": self.cut_off,
            "personal_data": dict(self.personal),
            "blocked": list(self.blocked),
        }
        if self.leaks is not None:
            document |= self.leaks.as_json(most)
        return document

    def lines(self, most: int) -> Iterator[str]:
        """The report for a person at a terminal, with at most ``most`` complaints and leaks."""
        yield f"{self.rows} rows: {_counts(self.kinds)}"
        yield f"{self.rows - self.refusals} answers, {self.refusals} refusals; {_counts(self.languages)}"
        for name, lengths in (("a prompt", self.prompts), ("an answer", self.answers)):
            if lengths is not None:
                yield (
                    f"{self.unit} of {name}: median {lengths.quantile(0.5)}, 90 % {lengths.quantile(0.9)}, "
                    f"longest {lengths.values[-1]}"
                )
                yield from lengths.lines()
        yield f"{self.empty} empty, {self.repeated} repeated, " + (
            "lengths in tokens not counted: give --tokenizer"
            if self.cut_off is None
            else f"{self.cut_off} longer than {self.max_length} tokens"
        )
        yield f"personal data: {_counts(self.personal) or 'none found'}"
        yield from self.problems[:most]
        if len(self.problems) > most:
            yield f"… and {len(self.problems) - most} more broken lines"
        yield from self._leak_lines(most)
        yield from (f"blocked: {reason}" for reason in self.blocked)

    def _leak_lines(self, most: int) -> Iterator[str]:
        if self.leaks is None:
            return
        counts = {kind.value: self.leaks.count(kind) for kind in LeakKind}
        yield f"evaluation cases with the same: {_counts(counts)}"
        for leak in self.leaks.leaks[:most]:
            what = " ".join(leak.what.split())[:_SHOWN_CHARACTERS]
            yield f"  {leak.kind} ({leak.score:.2f}): case {leak.case_id}, {leak.place}: {what}"
        if len(self.leaks.leaks) > most:
            yield f"  … and {len(self.leaks.leaks) - most} more"


def _counts(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counted.items())
