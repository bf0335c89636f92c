"""The prompts on which two forms of a model are compared: some that the run was trained on, as token ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from finetune.data.encode import Tokenizer, encode_prompt, end_of_turn
from finetune.data.rows import Row, learned_answer, rows_sha256
from finetune.training.run import Run, read_rows
from ingest.errors import TrainingDataError

_LONGEST_ANSWER = 16


@dataclass(frozen=True, slots=True)
class Probe:
    """Token ids of a prompt, as the server renders it, and of the answer that is to follow."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


def read_probes(run: Run, tokenizer: Tokenizer, count: int, data: Path | None = None) -> tuple[Probe, ...]:
    """Up to ``count`` prompts, spread over the run's data, each with the start of its answer.

    Args:
        data: where the run's data lies now; by default where it was.

    Raises:
        TrainingDataError: it is gone, is not what the run was trained on, or too long to train on.
    """
    path = data or run.data
    rows = read_rows(run.method, path)
    if rows_sha256(rows) != run.dataset_sha256:
        raise TrainingDataError(
            f"{path} is not the data that {run.folder.name} was trained on: put the same rows there."
        )
    spread = [_probe(tokenizer, row) for row in rows[:: max(1, len(rows) // count)][:count]]
    probes = tuple(probe for probe in spread if len(probe) <= run.config.train.max_length)
    if not probes:
        raise TrainingDataError(
            f"all {len(spread)} prompts that were taken from {path} are longer than "
            f"train.max_length={run.config.train.max_length}: compare more of them."
        )
    return probes


def _probe(tokenizer: Tokenizer, row: Row) -> Probe:
    answer: Sequence[int] = [*tokenizer.encode(learned_answer(row)), end_of_turn(tokenizer)]
    return Probe(tuple(encode_prompt(tokenizer, row.messages)), tuple(answer[:_LONGEST_ANSWER]))
