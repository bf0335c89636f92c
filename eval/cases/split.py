"""Split cases into those to train on and those to evaluate with, so that none tells of another.

By document: cases that share a document, a row, a question or a passage with the answer stay together (the
connected components of that relation). By time: what was asked last is evaluated, as in service, where a
model is trained on the past.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from eval.cases.case import Case
from eval.cases.choices import SplitBy
from ingest.errors import CasesError
from ingest.words.questions import normalized


@dataclass(frozen=True, slots=True)
class Split:
    """The two sides, each in the order of the cases."""

    train: tuple[Case, ...]
    held_out: tuple[Case, ...]


def split_cases(cases: Sequence[Case], by: SplitBy, share: float, seed: int = 0) -> Split:
    """Hold out at most ``share`` of the cases, above 0 and below 1, and near it where their ties allow.

    By document, components are taken in an order that depends on the seed and their members alone, each if
    it still fits. By time, cases asked at the same moment stay together.

    Raises:
        CasesError: the share is not between 0 and 1, a case has no time to split by, or one side stays
            empty.
    """
    if not 0 < share < 1:
        raise CasesError(f"the share is {share}: hold out more than 0 and less than 1.")
    room = max(1, round(share * len(cases)))
    held_out = _last(cases, room) if by is SplitBy.TIME else _components_within(cases, room, seed)
    split = Split(
        tuple(case for case in cases if case.id not in held_out),
        tuple(case for case in cases if case.id in held_out),
    )
    if not split.train or not split.held_out:
        raise CasesError(
            f"the {len(cases)} cases cannot be split by {by}: all that would fit into a share of {share} "
            "hangs together with the rest; split another way, or add cases."
        )
    return split


def components(cases: Sequence[Case]) -> list[list[Case]]:
    """The cases that hang together, in the order of their first members (union-find, Tarjan 1975)."""
    parent = list(range(len(cases)))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    first: dict[tuple[str, str], int] = {}
    for number, case in enumerate(cases):
        for tie in _ties(case):
            parent[root(number)] = root(first.setdefault(tie, number))
    members: defaultdict[int, list[Case]] = defaultdict(list)
    for number, case in enumerate(cases):
        members[root(number)].append(case)
    return [*members.values()]


def _ties(case: Case) -> Iterator[tuple[str, str]]:
    yield "question", normalized(case.question)
    yield "origin", case.origin or case.id
    for document in case.documents:
        yield "document", document
    for passage in case.passages:
        if passage.relevant:
            yield "passage", passage.text


def _components_within(cases: Sequence[Case], room: int, seed: int) -> set[str]:
    def order(component: list[Case]) -> bytes:
        name = min(case.id for case in component)
        return hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()

    taken: set[str] = set()
    for component in sorted(components(cases), key=order):
        if len(taken) + len(component) <= room:
            taken.update(case.id for case in component)
    return taken


def _last(cases: Sequence[Case], room: int) -> set[str]:
    times = {case.id: _asked_at(case) for case in cases}
    latest = sorted(times.values(), reverse=True)
    # What was asked at the moment of the first case that no longer fits stays on the other side with it.
    bound = latest[room] if room < len(latest) else datetime.min.replace(tzinfo=UTC)
    return {name for name, time in times.items() if time > bound}


def _asked_at(case: Case) -> datetime:
    """When the case was asked; a time without a zone is UTC."""
    if case.asked_at is None:
        raise CasesError(
            f"case {case.id!r} does not say when it was asked: give each an asked_at, or split by document."
        )
    time = datetime.fromisoformat(case.asked_at)
    return time if time.tzinfo else time.replace(tzinfo=UTC)
