"""Encoders of random weights, and a language in which only training tells what a question is about.

Each of 10 things has a name that documents use and another that questions use. Documents are about three
things, so that what is learned from some of them holds for others.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, cast

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

IN_DOCUMENTS = ["maka", "teno", "riso", "luvi", "beka", "doru", "fima", "hapo", "jute", "kosi"]
IN_QUESTIONS = ["wexa", "yorn", "zilp", "quam", "vosk", "xund", "gryt", "plim", "snak", "trob"]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *IN_DOCUMENTS, *IN_QUESTIONS, "file", "note"]
WIDTH, WINDOW = 32, 32


def write_encoder(folder: Path, seed: int = 0) -> Path:
    """A BERT of one layer without a head, in the files of a hub repository."""
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    cast("Any", tokenizer).pre_tokenizer = cast("Any", pre_tokenizers).Whitespace()
    cast("Any", tokenizer).post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
        sep_token="[SEP]", model_max_length=WINDOW,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )  # fmt: skip
    cast("Any", wrapped).save_pretrained(folder)
    torch.manual_seed(seed)
    config = cast("Any", BertConfig)(
        vocab_size=len(WORDS), hidden_size=WIDTH, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=64, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0, initializer_range=0.3,
    )  # fmt: skip
    cast("Any", BertModel(config)).save_pretrained(folder)
    return folder


def write_embedder(folder: Path, seed: int = 0) -> Path:
    """The same encoder with the mean of its tokens, as sentence-transformers keeps it."""
    bare = write_encoder(folder.with_name(f"{folder.name}-bare"), seed)
    encoder = cast("Any", Transformer)(str(bare), max_seq_length=WINDOW)
    model = cast("Any", SentenceTransformer)(modules=[encoder, cast("Any", Pooling)(WIDTH, "mean")])
    model.save_pretrained(str(folder), create_model_card=False)
    return folder


def things(count: int) -> list[tuple[int, ...]]:
    """What each of ``count`` documents is about, no two of the same."""
    return random.Random(0).sample([*combinations(range(len(IN_DOCUMENTS)), 3)], count)


def said(words: Sequence[str], about: Sequence[int]) -> str:
    """The things ``about`` in these words."""
    return " ".join(words[thing] for thing in about)


def write_questions(path: Path, count: int, language: str = "en") -> Path:
    """A question about each of ``count`` documents, by name and without an answer."""
    rows = (
        {
            "id": f"q{number}", "question": said(IN_QUESTIONS, about), "language": language,
            "answerable": True, "relevant": [f"{number}.md"],
        }
        for number, about in enumerate(things(count))
    )  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path
