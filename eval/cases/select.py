"""Which cases of a file are taken: the same choice for every command."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from eval.cases.case import Case
from ingest.errors import CasesError


@dataclass(frozen=True, slots=True)
class Selection:
    """What is left of a file, in its order; the conditions hold together.

    Attributes:
        sample: at most this many, of each language and answerability in the share that they have in the
            file; None takes all.
        seed: of the sample; the same seed takes the same cases, whatever their order.
        tags: a case has at least one of them; none asks for nothing.
        language: as the cases state it; None takes all.
        limit: at most this many, from the start of what is left.
        quick: only rows that their file marks with ``"quick": true``.
    """

    sample: int | None = None
    seed: int = 0
    tags: frozenset[str] = frozenset()
    language: str | None = None
    limit: int | None = None
    quick: bool = False

    def __post_init__(self) -> None:
        for name, value in (("sample", self.sample), ("limit", self.limit)):
            if value is not None and value < 1:
                raise CasesError(f"the {name} is {value}: take at least 1 case.")

    def matches(self, case: Case) -> bool:
        """Whether the language and the tags of ``case`` are asked for."""
        has_tag = not self.tags or not self.tags.isdisjoint(case.tags)
        return has_tag and self.language in (None, case.language)


EVERYTHING = Selection()


def sample_ids(cases: Iterable[Case], size: int, seed: int) -> frozenset[str]:
    """The ids of ``size`` cases, or of all if there are fewer; only ids are held.

    Each stratum, of one language and answerability, gets its proportional share, and what rounding leaves
    goes to the largest remainders (Hamilton's method). In a stratum, those whose ids hash lowest with the
    seed are taken.
    """
    strata: defaultdict[tuple[str, bool], list[tuple[bytes, str]]] = defaultdict(list)
    for case in cases:
        strata[case.language, case.answerable].append((_place(case.id, seed), case.id))
    total = sum(map(len, strata.values()))
    if size >= total:
        return frozenset(name for members in strata.values() for _, name in members)
    quota = {key: len(members) * size / total for key, members in sorted(strata.items())}
    taken = {key: int(share) for key, share in quota.items()}
    by_remainder = sorted(quota, key=lambda key: taken[key] - quota[key])
    for key in by_remainder[: size - sum(taken.values())]:
        taken[key] += 1
    chosen = (sorted(members)[: taken[key]] for key, members in strata.items())
    return frozenset(name for _, name in chain.from_iterable(chosen))


def _place(name: str, seed: int) -> bytes:
    return hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
