from __future__ import annotations

import pytest

pytest.importorskip("transformers")

from finetune.training.data_order import LengthGrouped

LENGTHS = [(7 * n) % 31 + 1 for n in range(64)]


def order(seed: int, epoch: int) -> list[int]:
    sampler = LengthGrouped(LENGTHS, 4, seed)
    sampler.set_epoch(epoch)
    return list(sampler)


def test_the_order_follows_from_the_seed_and_the_epoch_alone() -> None:
    assert order(3, 5) == order(3, 5)
    assert len({tuple(order(seed, epoch)) for seed in range(3) for epoch in range(3)}) == 9


def test_every_row_comes_once() -> None:
    assert sorted(order(0, 1)) == list(range(len(LENGTHS)))


def test_the_rows_of_a_batch_are_of_about_the_same_length() -> None:
    rows = order(0, 0)
    batches = [[LENGTHS[row] for row in rows[start : start + 4]] for start in range(0, len(rows), 4)]
    padded = sum(4 * max(batch) for batch in batches)
    assert padded < 1.2 * sum(LENGTHS)
