"""The settings of direct preference optimisation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from finetune.settings.section import PositiveReal, Section

PreferenceLoss = Literal["sigmoid", "sigmoid_norm", "ipo", "hinge", "robust", "apo_zero", "apo_down", "sft"]


class DpoSection(Section):
    """Direct preference optimisation (Rafailov et al., 2023). ``beta`` holds the model near its reference.

    A share of plain ``sft`` loss keeps the chosen answers from losing likelihood together with the rejected.
    ``label_smoothing`` is the share of pairs that are taken to be the wrong way round, and belongs to the
    loss ``robust`` (Chowdhury et al., 2024). ``length_probes`` counts the prompts that are answered before
    and after training, to see whether answers grow longer or shorter.
    """

    beta: PositiveReal = 0.1
    loss_type: tuple[PreferenceLoss, ...] = ("sigmoid", "sft")
    loss_weights: tuple[Annotated[float, Field(ge=0)], ...] | None = (1.0, 0.2)
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    length_probes: Annotated[int, Field(ge=0)] = 4

    @model_validator(mode="after")
    def _one_weight_each(self) -> DpoSection:
        if not self.loss_type:
            raise ValueError("loss_type is empty: name at least one loss")
        if self.loss_weights is not None and len(self.loss_weights) != len(self.loss_type):
            raise ValueError(
                f"{len(self.loss_weights)} loss_weights, {len(self.loss_type)} loss_type: give one for each"
            )
        return self

    @model_validator(mode="after")
    def _smoothing_with_robust(self) -> DpoSection:
        # TRL ignores it in silence with every other of these losses, and without it robust is sigmoid.
        if ("robust" in self.loss_type) != (self.label_smoothing > 0):
            raise ValueError(
                f"label_smoothing is {self.label_smoothing}, loss_type {', '.join(self.loss_type)}: "
                "the loss robust needs one above 0, and no other loss uses it"
            )
        return self
