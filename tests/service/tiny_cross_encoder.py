"""A cross-encoder of two layers with random weights: what it thinks is noise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "rank", "lora", "is", "the", "of", "sixteen", "what", "hotel"]


def write_model(folder: Path, labels: Sequence[str]) -> Path:
    """A model that gives a score for each label, in the files of a hub repository."""
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    whitespace = cast("Any", pre_tokenizers).Whitespace()
    cast("Any", tokenizer).pre_tokenizer = whitespace
    cast("Any", tokenizer).post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
        sep_token="[SEP]", model_max_length=64,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )  # fmt: skip
    cast("Any", wrapped).save_pretrained(folder)
    torch.manual_seed(1)
    config = cast("Any", BertConfig)(
        vocab_size=len(WORDS), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=64, initializer_range=0.5,
        id2label=dict(enumerate(labels)), label2id={label: n for n, label in enumerate(labels)},
    )  # fmt: skip
    cast("Any", BertForSequenceClassification(config)).save_pretrained(folder)
    return folder
