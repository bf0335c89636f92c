"""What a GGUF file says of its model and tokenizer, from the files of a Hugging Face folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import gguf

from ingest.errors import AdapterRejectedError

# llama.cpp's name for each way to cut a text before its byte pairs are merged, as tokenizers writes it.
_BYTES: dict[str, object] = {
    "type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True
}  # fmt: skip
_DIGITS: dict[str, object] = {"type": "Digits", "individual_digits": True}
_CUTS: Mapping[str, object] = {
    "gpt-2": _BYTES,
    "smollm": {"type": "Sequence", "pretokenizers": [_DIGITS, _BYTES]},
}


def add_model(writer: gguf.GGUFWriter, config: Mapping[str, Any]) -> None:
    """Add the shape of the llama model with the configuration ``config``.

    Raises:
        AdapterRejectedError: it has biases, or stretches its positions.
    """
    rope: Mapping[str, Any] = config.get("rope_parameters") or {}
    stretched = config.get("rope_scaling") or rope.get("rope_type", "default") != "default"
    if stretched or config.get("attention_bias") or config.get("mlp_bias"):
        raise AdapterRejectedError(
            "the model has biases or scaled rotary positions, which are not written as GGUF here: convert it "
            "with llama.cpp's convert_hf_to_gguf.py."
        )
    heads = int(config["num_attention_heads"])
    head_width = int(config.get("head_dim") or config["hidden_size"] // heads)
    writer.add_context_length(int(config["max_position_embeddings"]))
    writer.add_embedding_length(int(config["hidden_size"]))
    writer.add_block_count(int(config["num_hidden_layers"]))
    writer.add_feed_forward_length(int(config["intermediate_size"]))
    writer.add_head_count(heads)
    writer.add_head_count_kv(int(config.get("num_key_value_heads") or heads))
    writer.add_key_length(head_width)
    writer.add_value_length(head_width)
    writer.add_rope_dimension_count(head_width)
    writer.add_rope_freq_base(float(rope.get("rope_theta") or config.get("rope_theta") or 10_000.0))
    writer.add_layer_norm_rms_eps(float(config["rms_norm_eps"]))
    writer.add_vocab_size(int(config["vocab_size"]))


def add_tokenizer(writer: gguf.GGUFWriter, folder: Path, size: int) -> None:
    """Add the byte-pair tokenizer in ``folder`` with its chat template, filled up to ``size`` tokens.

    Raises:
        AdapterRejectedError: it is of another kind, or cuts texts in a way that is not known here.
    """
    tokenizer: dict[str, Any] = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    found = [name for name, cut in _CUTS.items() if cut == tokenizer.get("pre_tokenizer")]
    if tokenizer["model"]["type"] != "BPE" or tokenizer.get("normalizer") is not None or not found:
        raise AdapterRejectedError(
            f"the tokenizer in {folder} is not of a kind that is written as GGUF here: convert the model "
            "with llama.cpp's convert_hf_to_gguf.py."
        )
    tokens = [f"[PAD{number}]" for number in range(size)]
    kinds = [gguf.TokenType.UNUSED] * size
    for token, number in cast("dict[str, int]", tokenizer["model"]["vocab"]).items():
        tokens[number], kinds[number] = token, gguf.TokenType.NORMAL
    for added in cast("list[dict[str, Any]]", tokenizer["added_tokens"]):
        kind = gguf.TokenType.CONTROL if added["special"] else gguf.TokenType.USER_DEFINED
        tokens[added["id"]], kinds[added["id"]] = added["content"], kind
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(found[0])
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    gguf.SpecialVocab(folder, load_merges=True, n_vocab=size).add_to_gguf(writer, quiet=True)


def read_licence(path: Path) -> str | None:
    """The licence that a GGUF names; None where it names none."""
    field = gguf.GGUFReader(path).get_field(gguf.Keys.General.LICENSE)
    return None if field is None else str(field.contents())
