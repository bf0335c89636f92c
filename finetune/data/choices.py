"""The choices of the commands on data, apart from what carries them out, which takes long to import."""

from __future__ import annotations

from enum import StrEnum


class TargetForm(StrEnum):
    """How a training target answers its question."""

    ANSWER = "answer"
    """The short answer, as it stands in the passage."""
    SENTENCE = "sentence"
    """The sentence of the passage that holds the answer."""


class ImportForm(StrEnum):
    """How rows that were made elsewhere are laid out: see ``finetune.data.imports.read``."""

    ALPACA = "alpaca"
    SHAREGPT = "sharegpt"
    TRL = "trl"
    RANKING = "ranking"
    GROUNDED = "grounded"


class RowKind(StrEnum):
    """What rows are for, by the method that learns from them."""

    SFT = "sft"
    DPO = "dpo"
    KTO = "kto"
    RM = "rm"
