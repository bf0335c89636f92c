"""The settings of learning from single judgements."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from finetune.settings.section import PositiveReal, Section


class KtoSection(Section):
    """Kahneman-Tversky optimisation (Ethayarajh et al., 2024) on answers that were judged one by one.

    The weights multiply the losses of good and of bad answers. Left out, they are set from the counts: the
    side with fewer answers weighs more, so that both sides weigh the same in all. ``length_probes`` counts
    the prompts that are answered before and after training, to see whether answers grow longer or shorter.
    """

    beta: PositiveReal = 0.1
    desirable_weight: PositiveReal | None = None
    undesirable_weight: PositiveReal | None = None
    length_probes: Annotated[int, Field(ge=0)] = 4

    @model_validator(mode="after")
    def _both_weights_or_none(self) -> KtoSection:
        if (self.desirable_weight is None) != (self.undesirable_weight is None):
            raise ValueError(
                "only one of desirable_weight and undesirable_weight is given: give both or none"
            )
        return self
