"""The settings sections ``answer`` and ``grounding``."""

from __future__ import annotations

from pydantic import Field

from ingest.choices import GroundingMode
from ingest.settings_section import Fraction, Positive, Section

MOST_REFUSAL_BIAS = 20.0
"""In logits: more than any model's own inclination."""


class AnswerSettings(Section):
    """When Troika answers and when it says that it does not know."""

    min_evidence: Fraction = Field(
        default=0.47, description="weakest evidence that is answered; below, it abstains"
    )
    max_wrong_share: Fraction | None = Field(
        default=None,
        description="most wrong answers of those given, by `troika eval calibrate`",
    )
    grounding: GroundingMode | None = Field(
        default=None,
        description="mark or strict; default strict for llama-cpp, whose model is small, else mark",
    )
    withhold_suspicious: bool = Field(
        default=True, description="show passages with instructions to a model, and make no answer from them"
    )
    refusal_bias: float | None = Field(
        default=None,
        ge=-MOST_REFUSAL_BIAS,
        le=MOST_REFUSAL_BIAS,
        description="logits taken from a refusal's first token: above 0 llama-cpp and vLLM refuse less "
        "often, below 0 more often; default what was fitted for the adapter",
    )
    max_sentences: Positive = Field(default=2, description="the generator is stopped after so many sentences")


class GroundingSettings(Section):
    """How it is judged whether a source bears out a sentence, beside the words that they share."""

    nli_model: str | None = Field(
        default=None, description="folder or hub id of a cross-encoder with a label `entailment`; off without"
    )
    embedding: bool = Field(
        default=False,
        description="count how near the meanings of a sentence and its quote lie, too: two embeddings each",
    )
