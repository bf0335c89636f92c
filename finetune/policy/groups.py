"""What ``rloo`` and ``grpo`` share: groups of answers to one prompt, sampled by TRL and judged by rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from transformers import set_seed
from trl.trainer.utils import RepeatSampler

from finetune.data.encode import EncodedPrompt, end_of_turn
from finetune.policy.curve import FIGURES, curve_details
from finetune.policy.prompts import read_prompts
from finetune.policy.sampled_answer import SampledAnswer, VerifiableReward, answer_figures
from finetune.settings.train_config import TrainConfig
from finetune.training.checkpoint import load_model, load_tokenizer
from finetune.training.job import Job, Outcome
from finetune.training.run_log import RunLog
from finetune.training.saving import save_adapter
from finetune.training.trainer import as_dataset, run_trainer, start_from, training_arguments
from ingest.errors import MissingExtraError
from ingest.optional import is_installed


class EpochOrder(RepeatSampler):
    """TRL's order of groups, from the seed and the epoch alone, so that a resumed run finds it again."""

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, from 0, whose order comes next; the trainer calls it."""
        self.generator.manual_seed(hash((self.seed, epoch)) & 0x7FFFFFFFFFFFFFFF)


class EncodedGroups:
    """What stands before one of TRL's trainers: prompts that are the very ids which the server computes."""

    def _tokenize_prompts(self, prompts: list[list[int]]) -> tuple[list[list[int]], None, dict[str, Any]]:
        return prompts, None, {}

    def _get_train_sampler(self, dataset: Any = None) -> EpochOrder:
        trl = cast("Any", super())._get_train_sampler(dataset)
        return EpochOrder(
            trl.data_source, trl.mini_repeat_count, trl.batch_size, trl.repeat_count, trl.shuffle, trl.seed
        )


class GroupReward:
    """The verifiable reward as TRL calls it; ``end`` is the id that ends an answer."""

    def __init__(self, prompts: Sequence[EncodedPrompt], reward: VerifiableReward, end: int) -> None:
        self._prompts, self._reward, self._end = prompts, reward, end

    def __call__(self, **batch: Any) -> list[float]:
        """One number for each completion; means of what they are go into the trainer's log."""
        rows = zip(batch["row"], batch["completion_ids"], batch["completions"], strict=True)
        answers = [self._answer(*cast("tuple[int, list[int], str]", row)) for row in rows]
        for name, value in answer_figures(answers).items():
            batch["log_metric"](name, value)
        return self._reward.score(answers)

    def _answer(self, row: int, ids: list[int], text: str) -> SampledAnswer:
        prompt = self._prompts[row]
        return SampledAnswer(prompt.example, prompt.prompt_ids, ids, text, ended=ids[-1] == self._end)


def group_arguments(config: TrainConfig, output: Path) -> dict[str, Any]:
    """The keyword arguments that RLOOConfig and GRPOConfig share."""
    rollout = config.rollout
    arguments = training_arguments(config.train, output)
    del arguments["max_length"]  # the prompts were checked with room for an answer when they were encoded
    return arguments | {
        "num_generations": rollout.num_generations,
        "max_completion_length": rollout.max_completion_length,
        "temperature": rollout.temperature,
        "beta": rollout.beta,
        "disable_dropout": True,
        "use_vllm": rollout.use_vllm,
        "vllm_mode": rollout.vllm_mode,
        "vllm_server_base_url": rollout.vllm_server_base_url,
    }


def train_groups(job: Job, checkpoint: Path, trainer_class: Any, arguments: Any) -> Outcome:
    """Train with TRL on the examples of the job that rules can judge.

    The reference is the adapter that training starts from, of which TRL freezes a copy, else the base model.

    Raises:
        MissingExtraError: vLLM is to sample, and is not installed.
        TrainingDataError: see ``read_prompts``.
    """
    config = job.config
    if config.rollout.use_vllm and not is_installed("vllm"):
        raise MissingExtraError(
            'vllm is not installed beside TRL, which samples with it: pip install "trl[vllm]" on a machine '
            "with a GPU, or set rollout.use_vllm to false."
        )
    set_seed(config.train.seed)
    tokenizer = load_tokenizer(checkpoint)
    prompts, left_out = read_prompts(config, tokenizer, job.data)
    end = end_of_turn(tokenizer)
    model: Any = load_model(checkpoint, config.model.dtype)
    model.generation_config.eos_token_id = end
    rows: list[Mapping[str, Any]] = [
        {"prompt": prompt.prompt_ids, "row": number} for number, prompt in enumerate(prompts)
    ]
    log = RunLog(len(prompts), None, config.train.max_minutes, FIGURES)
    trainer = trainer_class(
        **start_from(model, job.adapter, config.lora),
        reward_funcs=GroupReward(prompts, VerifiableReward(config.rollout.reward), end),
        args=arguments,
        train_dataset=as_dataset(rows),
        processing_class=tokenizer.inner,
        callbacks=[log],
    )
    run_trainer(trainer, log)
    metrics = save_adapter(trainer, job.output, job.base.fingerprint, log)
    return Outcome(metrics, left_out, curve_details(log.curve))
