"""The settings of preferences that a model gives by a written constitution."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from finetune.settings.section import Positive, Section


class RlaifSection(Section):
    """Critique, revision and comparison (Bai et al., 2022). ``temperature`` is of the first answer alone.

    ``constitution`` is a file like ``finetune/configs/constitution.yaml``, which is the default.
    """

    constitution: Path | None = None
    temperature: Annotated[float, Field(ge=0)] = 0.8
    max_new_tokens: Positive = 160
    seed: Annotated[int, Field(ge=0)] = 0


class RlaifConfig(Section):
    """What is made are pairs for ``dpo``; nothing is trained here."""

    method: Literal["rlaif"]
    rlaif: RlaifSection = RlaifSection()
