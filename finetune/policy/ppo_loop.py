"""Proximal policy optimisation of a language model: sample, score, look back, update, again and again."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import ceil
from statistics import fmean
from typing import Any, cast

import torch
import transformers

from finetune.data.encode import EncodedPrompt
from finetune.policy.actor_critic import ActorCritic
from finetune.policy.objective import adapted_beta, divergence
from finetune.policy.sampled_answer import Reward, SampledAnswer, answer_figures
from finetune.policy.update import Updater
from finetune.settings.train_config import TrainConfig
from finetune.training.checkpoint import ChatTokenizer
from finetune.training.checks import rows_per_step
from finetune.training.steps import steps_of


class PpoLoop:
    """The state of a run between two steps, and how to make the next."""

    def __init__(
        self,
        config: TrainConfig,
        policy: ActorCritic,
        tokenizer: ChatTokenizer,
        reward: Reward,
        prompts: Sequence[EncodedPrompt],
    ) -> None:
        train, ppo = config.train, config.ppo
        self.policy = policy
        self._config, self._tokenizer, self._reward, self._prompts = config, tokenizer, reward, prompts
        self._prompts_per_step = rows_per_step(config, processes=1)
        self.steps = steps_of(config, len(prompts))
        self.done = 0
        self._tokens = 0
        self._beta = ppo.beta
        self._updater = Updater(ppo, train.max_grad_norm, train.per_device_train_batch_size)
        groups = [
            {"params": list(policy.adapter.values()), "weight_decay": train.weight_decay},
            {"params": list(policy.head.parameters()), "lr": ppo.value_learning_rate},
        ]
        self._optimizer = torch.optim.AdamW(groups, lr=train.learning_rate, weight_decay=0.0)
        warmup = ceil(train.warmup_ratio * self.steps)
        self._scheduler: Any = cast("Any", transformers).get_scheduler(
            train.lr_scheduler_type, self._optimizer, num_warmup_steps=warmup, num_training_steps=self.steps
        )

    def step(self) -> dict[str, float]:
        """Sample answers to the next prompts and improve the policy by them; figures for the curve."""
        answers = self._sample()
        scores = self._reward.score(answers)
        prompt_ids, answer_ids = ([one.prompt_ids for one in answers], [one.answer_ids for one in answers])
        rows = self._config.train.per_device_train_batch_size
        rollout, experience = self.policy.look_back(prompt_ids, answer_ids, scores, rows)
        losses = self._updater.improve(
            lambda indices: self.policy.evaluate(rollout.rows(indices)),
            self._optimizer,
            experience,
            self._beta,
        )
        nats = divergence(experience.logprobs, experience.reference_logprobs).sum()
        self._tokens += int(rollout.present.sum())
        figures = {
            "loss": losses.policy,
            "value_loss": losses.value,
            "reward": fmean(scores),
            "kl": float(nats / rollout.mask.sum()),
            "beta": self._beta,
            "learning_rate": self._scheduler.get_last_lr()[0],
            "num_tokens": self._tokens,
            **answer_figures(answers),
        }
        self._scheduler.step()
        if self._config.ppo.target_kl is not None:
            each = float(nats / len(answers))
            self._beta = adapted_beta(self._beta, each, self._config.ppo.target_kl)
        self.done += 1
        return figures

    def state(self) -> dict[str, Any]:
        """All that the steps to come depend on, beside the settings and the prompts."""
        return {
            "done": self.done,
            "tokens": self._tokens,
            "beta": self._beta,
            "adapter": {name: weight.detach() for name, weight in self.policy.adapter.items()},
            "head": self.policy.head.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "scheduler": self._scheduler.state_dict(),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state_all(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to where ``state`` was taken."""
        self.done, self._tokens, self._beta = state["done"], state["tokens"], state["beta"]
        with torch.no_grad():
            for name, weight in self.policy.adapter.items():
                weight.copy_(state["adapter"][name])
        self.policy.head.load_state_dict(state["head"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._scheduler.load_state_dict(state["scheduler"])
        torch.set_rng_state(state["random"])
        torch.cuda.set_rng_state_all(state["random_cuda"])

    def _sample(self) -> list[SampledAnswer]:
        chosen = [
            prompt for prompt in self._next_prompts() for _ in range(self._config.rollout.num_generations)
        ]
        sampled = self.policy.sample([prompt.prompt_ids for prompt in chosen])
        return [self._answer(prompt, ids) for prompt, ids in zip(chosen, sampled, strict=True)]

    def _answer(self, prompt: EncodedPrompt, ids: list[int]) -> SampledAnswer:
        ended = ids[-1] == self.policy.end
        text = self._tokenizer.inner.decode(ids[:-1] if ended else ids, skip_special_tokens=True)
        return SampledAnswer(prompt.example, prompt.prompt_ids, ids, cast("str", text), ended)

    def _next_prompts(self) -> list[EncodedPrompt]:
        first = self.done * self._prompts_per_step
        places = [divmod(n, len(self._prompts)) for n in range(first, first + self._prompts_per_step)]
        orders = {epoch: self._order(epoch) for epoch, _ in places}
        return [self._prompts[orders[epoch][place]] for epoch, place in places]

    def _order(self, epoch: int) -> list[int]:
        order = list(range(len(self._prompts)))
        random.Random(f"{self._config.train.seed}:{epoch}").shuffle(order)
        return order
