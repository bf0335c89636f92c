"""Proximal policy optimisation against a reward model, or against rules, near the adapter it starts from.

Ziegler et al. 2019, arXiv:1909.08593; Ouyang et al. 2022, arXiv:2203.02155. The loop is in
``finetune.policy``; it trains in one process, on one device.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from peft import PeftModel, get_peft_model
from transformers import TrainingArguments, set_seed

from finetune.data.encode import end_of_turn
from finetune.methods.reward_model import load_reward_model
from finetune.policy.actor_critic import REFERENCE, ActorCritic
from finetune.policy.curve import FIGURES, curve_details
from finetune.policy.ppo_loop import PpoLoop
from finetune.policy.ppo_run import run_ppo
from finetune.policy.prompts import read_prompts
from finetune.policy.sampled_answer import LearnedReward, Reward, VerifiableReward
from finetune.training.checkpoint import load_model, load_tokenizer
from finetune.training.job import Job, Outcome
from finetune.training.run_log import RunLog
from finetune.training.saving import write_adapter
from finetune.training.trainer import lora_config, training_arguments


def train(job: Job, checkpoint: Path) -> Outcome:
    """Sample answers to the examples of the job, and learn from what they earn."""
    config = job.config
    set_seed(config.train.seed)
    arguments = _arguments(job)
    tokenizer = load_tokenizer(checkpoint)
    prompts, left_out = read_prompts(config, tokenizer, job.data, by_rules=job.reward_model is None)
    precision = torch.bfloat16 if arguments.bf16 else torch.float32
    policy = ActorCritic(_policy(job, checkpoint), end_of_turn(tokenizer), config.rollout, precision)
    loop = PpoLoop(config, policy, tokenizer, _reward(job, checkpoint), prompts)
    log = RunLog(len(prompts), None, config.train.max_minutes, FIGURES)
    run_ppo(loop, log, arguments)
    model = policy.model
    metrics = write_adapter(model, model.state_dict(), job.output, job.base.fingerprint, log)
    return Outcome(metrics, left_out, curve_details(log.curve))


def _arguments(job: Job) -> TrainingArguments:
    arguments = training_arguments(job.config.train, job.output)
    del arguments["max_length"]  # TRL's own
    return TrainingArguments(**arguments)


def _policy(job: Job, checkpoint: Path) -> Any:
    """The base model with the adapter to train, and a frozen copy of the one it starts from."""
    model: Any = load_model(checkpoint, job.config.model.dtype)
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    if job.adapter is None:
        return get_peft_model(model, lora_config(job.config.lora))
    policy = cast("Any", PeftModel).from_pretrained(model, job.adapter, is_trainable=True)
    policy.load_adapter(job.adapter, adapter_name=REFERENCE, is_trainable=False)
    return policy


def _reward(job: Job, checkpoint: Path) -> Reward:
    if job.reward_model is None:
        return VerifiableReward(job.config.rollout.reward)
    penalty = job.config.ppo.missing_eos_penalty
    return LearnedReward(load_reward_model(job.reward_model, checkpoint), penalty)
