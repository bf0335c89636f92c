"""Find personal data in a text by the rules, and cover it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from service.privacy.rules import DataKind, Rule, all_rules

COVER = "•"

_REACH = 200
"""Code points before and behind a hint, within which the whole match of a rule lies."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Personal data at the half-open span ``[start, end)``, in code points."""

    kind: DataKind
    start: int
    end: int

    def is_apart(self, other: Finding) -> bool:
        """Whether the spans share nothing."""
        return self.end <= other.start or other.end <= self.start


def find_data(text: str) -> list[Finding]:
    """What the rules find in ``text``, in its order and without overlaps; the surer rule wins."""
    found: list[Finding] = []
    for rules in all_rules():
        windows = _windows(rules.hint, text)
        for rule in rules.rules:
            for match in _matches(rule, text, windows):
                finding = Finding(rule.kind, *match.span("value"))
                if all(map(finding.is_apart, found)):
                    found.append(finding)
    return sorted(found, key=lambda finding: finding.start)


def covered(text: str) -> str:
    """``text`` with ``COVER`` for each character of personal data, so that every offset stays."""
    pieces: list[str] = []
    end = 0
    for finding in find_data(text):
        pieces += [text[end : finding.start], COVER * (finding.end - finding.start)]
        end = finding.end
    return "".join((*pieces, text[end:]))


def _windows(hint: re.Pattern[str], text: str) -> list[tuple[int, int]]:
    """The stretches around hints, those that touch joined, so that none ends within a value."""
    windows: list[tuple[int, int]] = []
    for match in hint.finditer(text):
        start, end = max(0, match.start() - _REACH), match.end() + _REACH
        if windows and start <= windows[-1][1]:
            windows[-1] = windows[-1][0], end
        else:
            windows.append((start, end))
    return windows


def _matches(rule: Rule, text: str, windows: list[tuple[int, int]]) -> Iterator[re.Match[str]]:
    for window in windows:
        yield from filter(rule.holds, rule.pattern.finditer(text, *window))
