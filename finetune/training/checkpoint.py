"""Weights and tokenizer in the form that is trained: read with transformers, converted once from a GGUF."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path
from typing import Any, Literal, cast

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, GgufConfig

from finetune.training.base_model import BaseModel
from ingest.errors import ModelNotFoundError
from ingest.snapshots.durable import sync_directory, sync_tree

LOCK = "unpacking.lock"


class ChatTokenizer:
    """A transformers tokenizer behind ``finetune.data.encode.Tokenizer``."""

    def __init__(self, inner: Any) -> None:
        if not inner.chat_template:
            raise ModelNotFoundError(
                "the model's tokenizer has no chat template, in which its server would put a question: "
                "give an instruct model."
            )
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

    def decode(self, ids: list[int]) -> str:
        """The text of ``ids``, special tokens written out."""
        return str(self.inner.decode(ids))


def ensure_checkpoint(base: BaseModel, home: Path) -> Path:
    """The folder of ``base`` in the Hugging Face layout; a GGUF is unpacked to float32 there, once.

    The weights stay those of the quantised file, so that an adapter is trained on what is served.

    Raises:
        ModelNotFoundError: transformers cannot read the GGUF.
    """
    folder = base.checkpoint(home)
    if not base.is_gguf or _is_whole(folder):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / LOCK).open("ab") as lock:
        # Processes that train together all come here: one unpacks, and the others wait for it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_whole(folder):
            _unpack(base.source, folder)
    return folder


def read_tokenizer(base: BaseModel, home: Path) -> ChatTokenizer:
    """The tokenizer of ``base`` without unpacking it."""
    return ChatTokenizer(cast("Any", AutoTokenizer).from_pretrained(**_where(base, home)))


def read_model_config(base: BaseModel, home: Path) -> Any:
    """The transformers configuration of ``base`` without unpacking it."""
    return cast("Any", AutoConfig).from_pretrained(**_where(base, home))


def load_tokenizer(folder: Path) -> ChatTokenizer:
    """The tokenizer in ``folder``, with its chat template."""
    return ChatTokenizer(cast("Any", AutoTokenizer).from_pretrained(folder, local_files_only=True))


def load_model(
    folder: Path, dtype: Literal["float32", "bfloat16"] = "float32", *, in_4_bits: bool = False
) -> torch.nn.Module:
    """The model in ``folder``; ``in_4_bits`` its linear layers as QLoRA keeps them, on a GPU only.

    QLoRA (Dettmers et al., 2023): 4-bit normal floats whose scales are quantised again, multiplied in
    bfloat16. They are made on a GPU and stay there: of several processes each takes its own.
    """
    quantization: Any = {
        "load_in_4bit": True,
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_use_double_quant": True,
        "bnb_4bit_compute_dtype": torch.bfloat16,
    }
    return cast("Any", AutoModelForCausalLM).from_pretrained(
        folder,
        dtype=getattr(torch, dtype),
        quantization_config=BitsAndBytesConfig(**quantization) if in_4_bits else None,
        device_map={"": int(os.environ.get("LOCAL_RANK", "0"))} if in_4_bits else None,
        local_files_only=True,
    )


def _where(base: BaseModel, home: Path) -> dict[str, str | bool]:
    folder = base.checkpoint(home)
    if base.is_gguf and not _is_whole(folder):
        return _gguf(base.source)
    return {"pretrained_model_name_or_path": str(folder), "local_files_only": True}


def _gguf(source: Path) -> dict[str, str | bool]:
    return {"pretrained_model_name_or_path": str(source.parent), "gguf_file": source.name}


def _is_whole(folder: Path) -> bool:
    return (folder / "config.json").is_file()


def _unpack(source: Path, folder: Path) -> None:
    staged = folder.with_name(f".{folder.name}")
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir()
    try:
        _convert(source, staged)
        sync_tree(staged)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(staged, folder)
    except (OSError, ValueError, KeyError) as error:
        raise ModelNotFoundError(f"{source.name} cannot be unpacked for training ({error}).") from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    sync_directory(folder.parent)


def _convert(source: Path, target: Path) -> None:
    where = _gguf(source)
    model = cast("Any", AutoModelForCausalLM).from_pretrained(
        **where, quantization_config=GgufConfig(dequantize=True), dtype=torch.float32
    )
    tokenizer = cast("Any", AutoTokenizer).from_pretrained(**where)
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)
