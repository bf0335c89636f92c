"""What vLLM serves of PEFT's adapters; anything else is refused before an hour is spent on training it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

HIGHEST_RANK = 512
"""The greatest ``max_lora_rank`` that vLLM starts with; an adapter is served under any that is not lower."""

_EMBEDDINGS = frozenset({"lm_head", "embed_tokens", "wte", "embed_in", "embed_out", "output_layer"})
_NEUTRAL: tuple[object, ...] = (None, False, "none", [], {})
_REASONS = {
    "use_dora": "vLLM serves no DoRA: leave use_dora out",
    "bias": "vLLM serves no trained biases: set bias to none",
    "modules_to_save": "vLLM serves no modules that are replaced as a whole: leave modules_to_save out",
    "trainable_token_indices": "vLLM serves no trained tokens: leave trainable_token_indices out",
}


def refusal(adapter: Mapping[str, object]) -> str | None:
    """Why vLLM cannot serve an adapter of this shape, and what to change; None when it can.

    Args:
        adapter: keys and values as in PEFT's ``adapter_config.json`` or in the section ``lora``.
    """
    for key, reason in _REASONS.items():
        if adapter.get(key) not in _NEUTRAL:
            return reason
    ranks = cast("Mapping[str, object]", adapter.get("rank_pattern") or {})
    highest = max([_rank(adapter.get("r")), *map(_rank, ranks.values())])
    if highest > HIGHEST_RANK:
        return f"the rank is {highest}, and vLLM serves at most {HIGHEST_RANK}: lower r"
    targets = adapter.get("target_modules")
    names = cast("Iterable[object]", targets) if isinstance(targets, (list, tuple, set)) else (targets,)
    embeddings = sorted(name for name in map(str, names) if name.rpartition(".")[2] in _EMBEDDINGS)
    if embeddings:
        return f"vLLM serves no adapters of {', '.join(embeddings)} reliably: target the linear layers only"
    return None


def without_neutral(adapter: Mapping[str, object]) -> dict[str, object]:
    """The same without the keys of ``_REASONS`` that say no, which files written for PEFT carry."""
    return {key: value for key, value in adapter.items() if key not in _REASONS or value not in _NEUTRAL}


def _rank(value: object) -> int:
    return value if isinstance(value, int) else 0
