"""The settings of direct preference optimisation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from finetune.settings.section import PositiveReal, Section


class DpoSection(Section):
    """Direct preference optimisation (Rafailov et al., 2023). ``beta`` holds the model near its reference.

    A share of plain ``sft`` loss keeps the chosen answers from losing likelihood together with the rejected.
    """

    beta: PositiveReal = 0.1
    loss_type: tuple[Literal["sigmoid", "sigmoid_norm", "ipo", "hinge", "robust", "sft"], ...] = (
        "sigmoid",
        "sft",
    )
    loss_weights: tuple[Annotated[float, Field(ge=0)], ...] | None = (1.0, 0.2)

    @model_validator(mode="after")
    def _one_weight_each(self) -> DpoSection:
        if not self.loss_type:
            raise ValueError("loss_type is empty: name at least one loss")
        if self.loss_weights is not None and len(self.loss_weights) != len(self.loss_type):
            raise ValueError(
                f"{len(self.loss_weights)} loss_weights, {len(self.loss_type)} loss_type: give one for each"
            )
        return self
