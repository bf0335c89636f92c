"""Group relative policy optimisation: raise answers by how far they stand out of their group.

Shao et al. 2024, arXiv:2402.03300. The divergence from the reference is part of the loss. Losses are
summed over the tokens of a step and not averaged answer by answer, so that length does not dilute them
(Yu et al. 2025, DAPO, arXiv:2503.14476).
"""

from __future__ import annotations

from pathlib import Path

from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from finetune.policy.groups import EncodedGroups, group_arguments, train_groups
from finetune.training.job import Job, Outcome


class EncodedGrpoTrainer(EncodedGroups, GRPOTrainer):
    """GRPO on prompts that are token ids already."""


def train(job: Job, checkpoint: Path) -> Outcome:
    """Sample answers to the examples of the job, and learn from what they earn."""
    arguments = GRPOConfig(**group_arguments(job.config, job.output), loss_type="dapo")
    return train_groups(job, checkpoint, EncodedGrpoTrainer, arguments)
