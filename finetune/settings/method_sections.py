"""Which settings each method reads: one that it does not read is refused, and not recorded as if it were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ingest.errors import SettingsError

Method = Literal["sft", "rm", "dpo", "kto", "ppo", "rloo", "grpo"]

SHARED = ("method", "model", "lora", "train")
OWN: Mapping[Method, tuple[str, ...]] = {
    "sft": (),
    "rm": ("rm",),
    "dpo": ("dpo",),
    "kto": ("kto",),
    "ppo": ("ppo", "rollout"),
    "rloo": ("rollout",),
    "grpo": ("rollout",),
}
"""The sections that a method reads beside those of ``SHARED``."""

NOT_READ: Mapping[Method, tuple[str, ...]] = {
    "ppo": (
        "rollout.beta",
        "rollout.use_vllm",
        "rollout.vllm_mode",
        "rollout.vllm_server_base_url",
        "train.packing",
    ),
    "rloo": ("train.packing",),
    "grpo": ("train.packing",),
}
"""Single keys of its sections that a method does not read."""


def require_read(method: Method, values: Mapping[str, Any]) -> None:
    """Refuse ``values``, those of a file and its overrides, that ``method`` would ignore.

    A section that no method has is not looked at here.

    Raises:
        SettingsError: a section is another method's, or a key is one of ``NOT_READ``.
    """
    foreign = {section for sections in OWN.values() for section in sections} - {*OWN[method]}
    keys = [key for key in NOT_READ.get(method, ()) if _has(values, key)]
    ignored = [*sorted(foreign & values.keys()), *keys]
    if ignored:
        names = ", ".join(section for section in (*OWN[method], *SHARED) if section != "method")
        raise SettingsError(
            f"the setting {ignored[0]!r} is not read by {method}, whose sections are {names}: leave it out"
            f"{_instead(ignored[0], method)}."
        )


def _instead(key: str, method: Method) -> str:
    return ", and set ppo.beta" if (key, method) == ("rollout.beta", "ppo") else ""


def _has(values: Mapping[str, Any], key: str) -> bool:
    section, _, name = key.partition(".")
    return isinstance(values.get(section), Mapping) and name in values[section]
