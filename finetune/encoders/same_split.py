"""Whether a model that was trained before never learned what it is to be measured on now.

Which questions are held out follows from all of them, ``data.held_out`` and ``train.seed``. With one of these
changed, documents that the model was trained on would be among those that it is published on.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from finetune.data.questions import questions_file
from finetune.encoders.job import AnyConfig
from finetune.encoders.model_folder import Provenance, read_provenance
from ingest.errors import TrainingDataError
from ingest.snapshots.durable import file_sha256


def require_same_split(folder: Path, config: AnyConfig, questions: Path) -> None:
    """Refuse to measure the model in ``folder``, or what is trained on from it, on what it has learned.

    A model that was not trained here learned none of the questions.

    Raises:
        TrainingDataError: it was trained with another share held out, another seed or other questions, or
            ``questions`` cannot be read.
    """
    provenance = read_provenance(folder)
    if provenance is None:
        return
    found, wanted = _split_of(provenance), _split(config, _sha256(questions))
    changed = [name for name in wanted if found[name] != wanted[name]]
    if changed:
        before = ", ".join(f"{name} {found[name]}" for name in changed)
        now = ", ".join(f"{name} {wanted[name]}" for name in changed)
        raise TrainingDataError(
            f"{folder.name} was trained with {before}, and {now} would hold out questions that it learned: "
            "give those again, or start from a model that did not learn them, such as its own base "
            f"{provenance.base_model}."
        )


def _sha256(questions: Path) -> str:
    try:
        return file_sha256(questions_file(questions))
    except OSError as error:
        raise TrainingDataError(f"{questions} cannot be read ({error}): name a file of questions.") from error


def _split(config: AnyConfig, questions_sha256: str) -> dict[str, object]:
    return {
        "the questions (SHA-256)": questions_sha256,
        "data.held_out": config.data.held_out,
        "train.seed": config.train.seed,
    }


def _split_of(provenance: Provenance) -> dict[str, object]:
    sections = cast("Mapping[str, Mapping[str, object]]", provenance.config)
    return {
        "the questions (SHA-256)": provenance.questions_sha256,
        "data.held_out": sections.get("data", {}).get("held_out"),
        "train.seed": sections.get("train", {}).get("seed"),
    }
