"""Merge a run's adapter into its base: a folder that transformers and vLLM load like any other model.

The folder appears when it is whole. Beside weights, tokenizer and chat template it holds ``merge.json``: what
it was made from, what rounding lost of the change, and how far its outputs are from the adapter's.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch
from pydantic import TypeAdapter

from finetune.adapters.base_checkpoint import checkpoint_of
from finetune.adapters.forms import WeightType
from finetune.adapters.frozen_model import answer_logits, open_model
from finetune.adapters.lora import Lora, read_config
from finetune.adapters.merged_weights import INDEX, Rounding, overall, write_merged_weights
from finetune.adapters.new_place import new_folder
from finetune.adapters.probes import Probe, read_probes
from finetune.adapters.trained_run import adapter_of
from finetune.training.checkpoint import load_tokenizer
from finetune.training.run import Run
from ingest.snapshots.durable import file_sha256, replace_text

MERGE = "merge.json"
FORMAT = 1

_PROBES = 8
_DTYPES = {WeightType.FLOAT32: torch.float32, WeightType.BFLOAT16: torch.bfloat16}
# What stands beside weights and configuration; code and pickled weights do not come along.
_COPIED = (
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "chat_template.jinja",
)


@dataclass(frozen=True, slots=True)
class OutputDifference:
    """How far the merged model's logits are from the adapter's, over whole vocabularies.

    ``agreement`` is the share of places where both would write the same token.
    """

    prompts: int
    tokens: int
    largest: float
    mean: float
    agreement: float


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What a merged model was made from; ``files`` maps each file's name to its SHA-256.

    ``scale`` is s of W0 + s B A; ``rounding`` is over all changed weights, ``modules`` for each of them.
    """

    format: int
    run: str
    base_model: str
    adapter_sha256: str
    scale: float
    dtype: WeightType
    prompt_id: str
    dataset_sha256: str
    created_at: str
    rounding: Rounding
    modules: tuple[Rounding, ...]
    outputs: OutputDifference
    files: Mapping[str, str]


def merge_run(
    home: Path, run: Run, target: Path, weight_type: WeightType, data: Path | None = None
) -> MergeReport:
    """Write the merged model to the new folder ``target``.

    Args:
        data: where the run's data lies now, some of whose prompts both models are compared on.

    Raises:
        AdapterRejectedError: the run has no adapter that can be merged, or its base was changed.
        ModelNotFoundError, TrainingDataError: its base or its data is gone.
        UsageError: ``target`` exists.
        StorageError: it cannot be written.
    """
    lora, checkpoint = adapter_of(run), checkpoint_of(run, home)
    probes = read_probes(run, load_tokenizer(checkpoint), _PROBES, data)
    with new_folder(target) as staged:
        modules = write_merged_model(lora, checkpoint, staged, weight_type)
        report = MergeReport(
            format=FORMAT,
            run=run.folder.name,
            base_model=run.base.fingerprint,
            adapter_sha256=file_sha256(lora.weights),
            scale=lora.scale,
            dtype=weight_type,
            prompt_id=run.prompt_id,
            dataset_sha256=run.dataset_sha256,
            created_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            rounding=overall(modules),
            modules=modules,
            outputs=compare_outputs(checkpoint, lora.folder, staged, probes),
            files={path.name: file_sha256(path) for path in sorted(staged.iterdir())},
        )
        replace_text(staged / MERGE, TypeAdapter(MergeReport).dump_json(report, indent=1).decode() + "\n")
    return report


def write_merged_model(
    lora: Lora, checkpoint: Path, folder: Path, weight_type: WeightType
) -> tuple[Rounding, ...]:
    """Write weights, configuration and tokenizer of the merged model into the empty ``folder``."""
    modules = write_merged_weights(lora, checkpoint, folder, _DTYPES[weight_type])
    config = {**read_config(checkpoint / "config.json"), "dtype": weight_type.value}
    config.pop("torch_dtype", None)  # the key that `dtype` has replaced
    replace_text(folder / "config.json", json.dumps(config, indent=2) + "\n")
    _copy_present(checkpoint, folder, _COPIED)
    return modules


def copy_model(source: Path, target: Path) -> None:
    """Copy the model in ``source``, without what else lies there, to the new folder ``target``."""
    with new_folder(target) as staged:
        weights = [path.name for path in source.glob("*.safetensors")]
        _copy_present(source, staged, [*weights, INDEX, "config.json", *_COPIED])


def compare_outputs(
    checkpoint: Path, adapter: Path, merged: Path, probes: Sequence[Probe]
) -> OutputDifference:
    """Compare the logits of both models in float32; one is loaded after the other."""
    expected = list(answer_logits(open_model(checkpoint, adapter), probes))
    found = list(answer_logits(open_model(merged, None), probes))
    differences = torch.cat([(new - old).abs() for old, new in zip(expected, found, strict=True)])
    same = [new.argmax(-1) == old.argmax(-1) for old, new in zip(expected, found, strict=True)]
    return OutputDifference(
        prompts=len(probes),
        tokens=len(differences),
        largest=float(differences.max()),
        mean=float(differences.mean()),
        agreement=float(torch.cat(same).float().mean()),
    )


def _copy_present(source: Path, target: Path, names: Sequence[str]) -> None:
    for name in names:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)
