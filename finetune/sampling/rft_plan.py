"""What a run of rft would sample and train with: its ``--dry-run``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from finetune.rewards.verifiable import is_verifiable
from finetune.sampling.plan import SamplingPlan, first_prompts
from finetune.sampling.rft_request import HeldOut, PreparedRft, prepare_rft
from finetune.settings.rft import RftConfig
from ingest.settings import Settings


def plan_rft(
    settings: Settings, config: RftConfig, data: Path, adapter: str | None, held_out: HeldOut | None
) -> SamplingPlan:
    """Check a run as ``run_rft`` does and plan it; the errors are those of ``prepare_rft``."""
    prepared = prepare_rft(settings, config, data, adapter, held_out)
    asked = [example for example in prepared.examples if is_verifiable(example)]
    return SamplingPlan(
        method="rft",
        generator=str(prepared.request.generator),
        release=prepared.release.name,
        questions=len(asked),
        samples=config.rft.samples,
        rounds=config.rft.rounds,
        as_they_are=len(prepared.examples) - len(asked),
        compared_with_people=0,
        training=_training(prepared),
        prompts=first_prompts(asked),
    )


def _training(prepared: PreparedRft) -> Mapping[str, object]:
    """The settings of the training; those of other methods, which have the same form, are left out."""
    told = prepared.request.config.training().model_dump(mode="json")
    return {name: told[name] for name in ("method", "model", "lora", "train")}
