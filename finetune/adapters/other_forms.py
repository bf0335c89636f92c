"""A finished run as whole models: merged for vLLM, and GGUF files for llama.cpp."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from finetune.adapters.base_checkpoint import checkpoint_of
from finetune.adapters.forms import GgufForm, WeightType
from finetune.adapters.gguf_model import write_gguf_model
from finetune.adapters.merge import copy_model, merge_run, write_merged_model
from finetune.adapters.new_place import new_file
from finetune.adapters.trained_run import adapter_of
from finetune.training.job import MODEL
from finetune.training.run import Run
from service.releases.model_origin import write_origin


@dataclass(frozen=True, slots=True)
class OtherForms:
    """Where to write what; None leaves a form out.

    ``merged`` is a folder with the model that the run made, in float32 and for vLLM, ``gguf_merged``
    a file with it for ``generator.model``, and ``gguf_base`` one with the base that a GGUF adapter goes with.
    Without a ``form`` files are in 16 bits, and a base that came as a GGUF is that file.
    """

    merged: Path | None = None
    gguf_base: Path | None = None
    gguf_merged: Path | None = None
    form: GgufForm | None = None


def write_other_forms(home: Path, run: Run, forms: OtherForms) -> None:
    """Write the forms that are asked for; what full fine-tuning left is written as it is.

    Raises:
        AdapterRejectedError: the run has no such model, its base was changed, or a GGUF cannot hold it.
        UsageError: what is to be written exists.
        ModelNotFoundError, TrainingDataError: the base, or the data to compare outputs on, is gone.
        StorageError: the disk is full.
    """
    if forms.merged is not None:
        if _is_whole(run):
            copy_model(run.folder / MODEL, forms.merged)
        else:
            merge_run(home, run, forms.merged, WeightType.FLOAT32)
    if forms.gguf_base is not None:
        _write_base(home, run, forms.gguf_base, forms.form)
    if forms.gguf_merged is not None:
        _write_merged(home, run, forms.gguf_merged, forms.form or GgufForm.FLOAT16)


def _write_base(home: Path, run: Run, target: Path, form: GgufForm | None) -> None:
    checkpoint = checkpoint_of(run, home)
    if form is None and run.base.is_gguf:
        with new_file(target) as staged:
            shutil.copyfile(run.base.source, staged)
    else:
        write_gguf_model(checkpoint, target, form or GgufForm.FLOAT16, _header(run))
    write_origin(target, run.base.fingerprint)


def _write_merged(home: Path, run: Run, target: Path, form: GgufForm) -> None:
    if _is_whole(run):
        write_gguf_model(run.folder / MODEL, target, form, _header(run))
        return
    lora, checkpoint = adapter_of(run), checkpoint_of(run, home)
    with TemporaryDirectory(dir=home, prefix=".merged-") as scratch:
        write_merged_model(lora, checkpoint, Path(scratch), WeightType.FLOAT32)
        write_gguf_model(Path(scratch), target, form, _header(run))


def _is_whole(run: Run) -> bool:
    return run.config.train.finetuning == "full"


def _header(run: Run) -> Path | None:
    return run.base.source if run.base.is_gguf else None
