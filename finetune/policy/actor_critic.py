"""A language model as a policy with a value head, beside the reference that it started from."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, cast

import torch
from torch import Tensor
from transformers import GenerationConfig
from trl.trainer.utils import use_adapter

from finetune.policy.rollout import Rollout, as_rollout
from finetune.policy.update import Experience
from finetune.settings.rollout import RolloutSection
from finetune.training.padding import pad_left

REFERENCE = "ref"
"""The frozen copy of the adapter that training starts from; without it the reference is the base model."""


class ActorCritic:
    """The policy is the adapter "default" of ``model``, and the value a linear map of its last hidden state.

    The value head reads the hidden state without a gradient into it: early on the head is wrong
    everywhere, and its errors would move the policy. ``head`` is zero at first, and so are the values.
    """

    def __init__(self, model: Any, end: int, sampling: RolloutSection, precision: torch.dtype) -> None:
        self.model = model.eval()  # dropout would make two log-probabilities of one answer differ
        self.head = torch.nn.Linear(model.config.get_text_config().hidden_size, 1).to(model.device)
        torch.nn.init.zeros_(self.head.weight)
        torch.nn.init.zeros_(self.head.bias)
        self.end = end
        self._temperature = sampling.temperature
        self._precision = precision
        # In the model's place: what its own generation config sets would be mixed into another one.
        model.generation_config = model.get_base_model().generation_config = GenerationConfig(
            do_sample=True,
            temperature=sampling.temperature,
            top_k=0,
            top_p=1.0,
            max_new_tokens=sampling.max_completion_length,
            eos_token_id=end,
            pad_token_id=end,
        )

    @property
    def adapter(self) -> dict[str, torch.nn.Parameter]:
        """The weights that are trained, by name."""
        return {name: weight for name, weight in self.model.named_parameters() if weight.requires_grad}

    @torch.no_grad()
    def sample(self, prompts: Sequence[list[int]]) -> list[list[int]]:
        """An answer to each prompt up to its end, which is its last id, or to the limit on its length."""
        batch = pad_left(prompts, self.model.device)
        with self._autocast():
            ids = self.model.generate(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
        answers: list[list[int]] = ids[:, batch["input_ids"].shape[1] :].tolist()
        return [ids[: ids.index(self.end) + 1] if self.end in ids else ids for ids in answers]

    @torch.no_grad()
    def look_back(
        self, prompts: Sequence[list[int]], answers: Sequence[list[int]], scores: Sequence[float], rows: int
    ) -> tuple[Rollout, Experience]:
        """The answers as a batch, with what policy and reference say of them, ``rows`` at once."""
        rollout = as_rollout(prompts, answers, self.model.device)
        every = torch.arange(len(answers))
        parts = [rollout.rows(every[start : start + rows]) for start in range(0, len(answers), rows)]
        logprobs, values = (torch.cat(found) for found in zip(*map(self.evaluate, parts), strict=True))
        frozen = REFERENCE if REFERENCE in self.model.peft_config else None
        with cast("Any", use_adapter)(self.model, frozen):
            reference = torch.cat([self.evaluate(part)[0] for part in parts])
        experience = Experience(
            logprobs, reference, values, torch.tensor(scores, device=logprobs.device), rollout.mask
        )
        return rollout, experience

    def evaluate(self, rollout: Rollout) -> tuple[Tensor, Tensor]:
        """Log-probabilities and values of the tokens of the answers, float32 [answers, answer tokens].

        They are those of the distribution that is sampled from, at its temperature; 0 outside the mask. The
        value of a token is that of the state in which it was drawn.
        """
        width = rollout.mask.shape[1]
        with self._autocast():
            found = self.model(
                input_ids=rollout.input_ids,
                attention_mask=rollout.present.long(),
                position_ids=(rollout.present.cumsum(dim=1) - 1).clamp(min=0),
                logits_to_keep=width + 1,
                output_hidden_states=True,
                use_cache=False,
            )
        logits = found.logits[:, :-1].float() / self._temperature
        logprobs = logits.log_softmax(dim=-1).gather(-1, rollout.answer_ids[..., None]).squeeze(-1)
        states = found.hidden_states[-1][:, -width - 1 : -1].detach().float()
        return logprobs * rollout.mask, self.head(states).squeeze(-1) * rollout.mask

    def _autocast(self) -> AbstractContextManager[Any]:
        enabled = self._precision is not torch.float32
        return torch.autocast(self.model.device.type, dtype=self._precision, enabled=enabled)
