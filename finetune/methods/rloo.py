"""REINFORCE leave-one-out: raise answers that earn more than the others to their prompt do on average.

Ahmadian et al. 2024, arXiv:2402.14740. The divergence from the reference is part of the reward.
"""

from __future__ import annotations

from pathlib import Path

from trl.trainer.rloo_config import RLOOConfig
from trl.trainer.rloo_trainer import RLOOTrainer

from finetune.policy.groups import EncodedGroups, group_arguments, train_groups
from finetune.training.job import Job, Outcome


class EncodedRlooTrainer(EncodedGroups, RLOOTrainer):
    """RLOO on prompts that are token ids already."""


def train(job: Job, checkpoint: Path) -> Outcome:
    """Sample answers to the examples of the job, and learn from what they earn."""
    arguments = RLOOConfig(**group_arguments(job.config, job.output))
    return train_groups(job, checkpoint, EncodedRlooTrainer, arguments)
