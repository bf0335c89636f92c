"""The prompts of a run that it is measured on, and that it does not learn from."""

from __future__ import annotations

import random
from collections.abc import Iterable

PromptIds = tuple[int, ...]


def held_out_prompts(prompts: Iterable[PromptIds], share: float, seed: int) -> set[PromptIds]:
    """A ``share`` of the different ``prompts``, the same in every run with ``seed``.

    At least one, and none where there are no two of them or ``share`` is 0.
    """
    different = sorted(set(prompts))
    if share <= 0 or len(different) < 2:
        return set()
    return set(random.Random(seed).sample(different, max(1, round(share * len(different)))))
