"""The settings of learning from single judgements."""

from __future__ import annotations

from finetune.settings.section import PositiveReal, Section


class KtoSection(Section):
    """Kahneman-Tversky optimisation (Ethayarajh et al., 2024) on answers that were judged one by one."""

    beta: PositiveReal = 0.1
    desirable_weight: PositiveReal = 1.0
    undesirable_weight: PositiveReal = 1.0
