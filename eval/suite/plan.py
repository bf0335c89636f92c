"""What a suite measures: the sets below one folder, who answers them, and how many cases of each."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ingest.choices import GeneratorKind
from ingest.errors import CasesError

Count = Annotated[int, Field(ge=1)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RetrievalPlan(_Table):
    """Which sets in BEIR layout are searched: all that have judgements, in a quick run only those named."""

    quick: tuple[str, ...] = ()


class AnswerPlan(_Table):
    """Cases that are answered: a set in BEIR layout from its own corpus, a file from the cases' own passages.

    ``sample`` cases are taken, ``quick_sample`` in a quick run, which leaves out what names none.
    """

    cases: str
    sample: Count
    quick_sample: Count | None = None

    def size(self, *, quick: bool) -> int | None:
        """How many cases are taken; None for none."""
        return self.quick_sample if quick else self.sample


class SuitePlan(_Table):
    """The whole plan; ``seed`` is that of the samples."""

    seed: int = 0
    generators: Annotated[tuple[GeneratorKind, ...], Field(min_length=1)]
    retrieval: RetrievalPlan = RetrievalPlan()
    answers: tuple[AnswerPlan, ...] = ()


def read_plan(path: Path) -> SuitePlan:
    """The plan in the TOML file ``path``.

    Raises:
        CasesError: there is no such file, or it holds something else.
    """
    try:
        return SuitePlan.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CasesError(f"{path} cannot be read as a suite ({error}): give a TOML file.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise CasesError(f"{path}: {place or 'the file'}: {first['msg']}; correct it.") from None
