"""The settings of proximal policy optimisation."""

from __future__ import annotations

from finetune.settings.section import PositiveReal, Section, Share


class PpoSection(Section):
    """Proximal policy optimisation against a reward model (Schulman et al., 2017; Ouyang et al., 2022).

    ``beta`` weighs the divergence from the reference at each token; where ``target_kl`` is set, it is moved
    towards that many nats an answer (Ziegler et al., 2019).
    """

    beta: PositiveReal = 0.05
    target_kl: PositiveReal | None = 6.0
    clip_range: PositiveReal = 0.2
    discount: Share = 1.0
    gae_lambda: Share = 0.95
