"""Weights and tokenizer in the form that is trained: read with transformers, converted once from a GGUF."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, cast

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from finetune.training.base_model import BaseModel
from ingest.errors import ModelNotFoundError
from ingest.snapshots.durable import sync_directory, sync_tree


class ChatTokenizer:
    """A transformers tokenizer behind ``finetune.data.encode.Tokenizer``."""

    def __init__(self, inner: Any) -> None:
        if not inner.chat_template:
            raise ModelNotFoundError("the model has no chat template: give an instruct model.")
        self.inner = inner

    def apply_chat_template(self, conversation: list[dict[str, str]], *, add_generation_prompt: bool) -> str:
        """The conversation as one text."""
        return str(
            self.inner.apply_chat_template(
                conversation, tokenize=False, add_generation_prompt=add_generation_prompt
            )
        )

    def encode(self, text: str) -> list[int]:
        """The ids of ``text``, without any added around it."""
        return list(self.inner(text, add_special_tokens=False)["input_ids"])


def ensure_checkpoint(base: BaseModel, home: Path) -> Path:
    """The folder of ``base`` in the Hugging Face layout; a GGUF is unpacked to float32 there, once.

    The weights stay those of the quantised file, so that an adapter is trained on what is served.

    Raises:
        ModelNotFoundError: transformers cannot read the GGUF.
    """
    folder = base.checkpoint(home)
    if not base.is_gguf or (folder / "config.json").is_file():
        return folder
    staged = folder.with_name(f".{folder.name}.{os.getpid()}")
    staged.mkdir(parents=True)
    try:
        _convert(base.source, staged)
        sync_tree(staged)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(staged, folder)
    except (OSError, ValueError, KeyError) as error:
        raise ModelNotFoundError(f"{base.source.name} cannot be unpacked for training ({error}).") from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    sync_directory(folder.parent)
    return folder


def load_tokenizer(folder: Path) -> ChatTokenizer:
    """The tokenizer in ``folder``, with its chat template."""
    return ChatTokenizer(cast("Any", AutoTokenizer).from_pretrained(folder, local_files_only=True))


def load_model(folder: Path) -> torch.nn.Module:
    """The model in ``folder``, its weights in float32."""
    return cast("Any", AutoModelForCausalLM).from_pretrained(
        folder, dtype=torch.float32, local_files_only=True
    )


def _convert(source: Path, target: Path) -> None:
    where = {"pretrained_model_name_or_path": str(source.parent), "gguf_file": source.name}
    model = cast("Any", AutoModelForCausalLM).from_pretrained(
        **where, quantization_config=GgufConfig(dequantize=True), dtype=torch.float32
    )
    tokenizer = cast("Any", AutoTokenizer).from_pretrained(**where)
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)
