"""Messages and their answer -> token ids and labels, through the base model's own chat template.

The prompt is masked, the answer and the token that ends the turn are learned. The prompt's ids are the
very ones that the server computes for the same messages; a test compares them with llama.cpp's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol, TypeVar

from finetune.data.rows import JudgedAnswer, PreferencePair, RankedAnswers, TrainingExample
from ingest.errors import TrainingDataError
from service.generate import Message

IGNORED = -100
# More rows than this share cut off is no accident but a wrong max_length (TRL cuts them in silence).
MOST_TRUNCATED = 0.005

Row = TypeVar("Row")

_PROBE = "\ue000"


class Tokenizer(Protocol):
    """What is used of a transformers tokenizer."""

    def apply_chat_template(self, conversation: list[dict[str, str]], *, add_generation_prompt: bool) -> str:
        """The conversation as one text, special tokens written out."""
        ...

    def encode(self, text: str) -> list[int]:
        """The ids of ``text``, whose special tokens are recognised; none are added."""
        ...


@dataclass(frozen=True, slots=True)
class EncodedExample:
    """One row of supervised training; ``labels`` is as long as ``input_ids``, masked with ``IGNORED``."""

    input_ids: list[int]
    labels: list[int]


@dataclass(frozen=True, slots=True)
class EncodedPair:
    """One row of preference training."""

    prompt_ids: list[int]
    chosen_ids: list[int]
    rejected_ids: list[int]

    @property
    def longest(self) -> int:
        return len(self.prompt_ids) + max(len(self.chosen_ids), len(self.rejected_ids))


@dataclass(frozen=True, slots=True)
class EncodedJudgement:
    """One row of training on single judgements."""

    prompt_ids: list[int]
    answer_ids: list[int]
    good: bool


@dataclass(frozen=True, slots=True)
class EncodedRanking:
    """One row of a reward model's training; ``ranks`` has one for each answer, the best with the least."""

    prompt_ids: list[int]
    answers_ids: list[list[int]]
    ranks: list[int]

    @property
    def longest(self) -> int:
        return len(self.prompt_ids) + max(map(len, self.answers_ids))


@dataclass(frozen=True, slots=True)
class EncodedPrompt:
    """A prompt to sample answers to; its example tells what a right one is."""

    example: TrainingExample
    prompt_ids: list[int]


def encode_prompt(tokenizer: Tokenizer, messages: Sequence[Message]) -> list[int]:
    """The ids of a prompt, up to where the model begins to write."""
    turns = [asdict(message) for message in messages]
    return tokenizer.encode(tokenizer.apply_chat_template(turns, add_generation_prompt=True))


def end_of_turn(tokenizer: Tokenizer) -> int:
    """The id that the chat template puts after an answer, which the model must learn to write.

    It is read off the template: the tokenizer's ``eos_token`` is another one with some models.

    Raises:
        TrainingDataError: the template writes nothing after an answer.
    """
    turns = [{"role": "user", "content": _PROBE}, {"role": "assistant", "content": _PROBE}]
    after = tokenizer.apply_chat_template(turns, add_generation_prompt=False).rpartition(_PROBE)[2]
    ids = tokenizer.encode(after.strip())
    if not ids:
        raise TrainingDataError(
            "the model's chat template ends an answer with nothing: give an instruct model."
        )
    return ids[0]


def encode_examples(
    tokenizer: Tokenizer, examples: Sequence[TrainingExample], max_length: int
) -> list[EncodedExample]:
    """Encode all examples; the few that are too long are left out.

    Raises:
        TrainingDataError: more than 0.5 % of them are longer than ``max_length`` tokens.
    """
    end = end_of_turn(tokenizer)
    rows: list[EncodedExample] = []
    for example in examples:
        prompt = encode_prompt(tokenizer, example.messages)
        answer = [*tokenizer.encode(example.target), end]
        rows.append(EncodedExample([*prompt, *answer], [*([IGNORED] * len(prompt)), *answer]))
    return _within(rows, lambda row: len(row.input_ids), max_length)


def encode_pairs(tokenizer: Tokenizer, pairs: Sequence[PreferencePair], max_length: int) -> list[EncodedPair]:
    """Encode all pairs; the same errors as ``encode_examples``."""
    end = end_of_turn(tokenizer)
    rows = [
        EncodedPair(
            encode_prompt(tokenizer, pair.messages),
            [*tokenizer.encode(pair.chosen), end],
            [*tokenizer.encode(pair.rejected), end],
        )
        for pair in pairs
    ]
    return _within(rows, lambda row: row.longest, max_length)


def encode_judged(
    tokenizer: Tokenizer, judged: Sequence[JudgedAnswer], max_length: int
) -> list[EncodedJudgement]:
    """Encode all judged answers; the same errors as ``encode_examples``."""
    end = end_of_turn(tokenizer)
    rows = [
        EncodedJudgement(
            encode_prompt(tokenizer, row.messages), [*tokenizer.encode(row.answer), end], row.good
        )
        for row in judged
    ]
    return _within(rows, lambda row: len(row.prompt_ids) + len(row.answer_ids), max_length)


def encode_rankings(
    tokenizer: Tokenizer, rankings: Sequence[RankedAnswers], max_length: int
) -> list[EncodedRanking]:
    """Encode all rankings; the same errors as ``encode_examples``."""
    end = end_of_turn(tokenizer)
    rows = [
        EncodedRanking(
            encode_prompt(tokenizer, row.messages),
            [[*tokenizer.encode(answer), end] for answer in row.answers],
            list(row.ranks),
        )
        for row in rankings
    ]
    return _within(rows, lambda row: row.longest, max_length)


def encode_prompts(
    tokenizer: Tokenizer, examples: Sequence[TrainingExample], max_length: int, answer_length: int
) -> list[EncodedPrompt]:
    """Encode all prompts, with room for ``answer_length`` tokens; the same errors as ``encode_examples``."""
    rows = [EncodedPrompt(example, encode_prompt(tokenizer, example.messages)) for example in examples]
    return _within(rows, lambda row: len(row.prompt_ids) + answer_length, max_length)


def as_columns(rows: Sequence[EncodedExample] | Sequence[EncodedPair]) -> list[Mapping[str, list[int]]]:
    """The rows as the dictionaries that a trainer's data set is made of."""
    return [asdict(row) for row in rows]


def _within(rows: list[Row], length: Callable[[Row], int], max_length: int) -> list[Row]:
    kept = [row for row in rows if length(row) <= max_length]
    cut = len(rows) - len(kept)
    if cut > MOST_TRUNCATED * len(rows):
        longest = max(length(row) for row in rows)
        raise TrainingDataError(
            f"{cut} of {len(rows)} rows are longer than train.max_length={max_length} tokens, the longest "
            f"has {longest}: raise max_length to {longest}, or give fewer passages."
        )
    return kept
