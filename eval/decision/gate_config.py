"""What a gate asks of a candidate: read from TOML, closed to keys it doesn't know, checked at once."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from eval.decision.finding import CaseSet
from ingest.errors import SettingsError

DEFAULT_CONFIG = Path(__file__).with_name("gate.toml")


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(_Closed):
    """A measure by its name in ``eval.measures.answers`` or ``….confidence``, and the cases that are meant.

    ``slice`` is one part of the cases, ``each`` every part of a kind, and neither of them all cases.
    """

    measure: str
    slice: str | None = None
    each: Literal["language", "tag"] | None = None
    on: CaseSet = CaseSet.TARGET

    @model_validator(mode="after")
    def _one_part(self) -> Rule:
        if self.slice is not None and self.each is not None:
            raise ValueError("a rule has `slice` and `each`: give one of them")
        return self


class Superior(Rule):
    """The candidate is better by more than ``least_gain``."""

    least_gain: Annotated[float, Field(ge=0)] = 0.0


class NotInferior(Rule):
    """The candidate is worse by less than ``margin``."""

    margin: Annotated[float, Field(gt=0)]


class Absolute(Rule):
    """The candidate's own figure is on the good side of ``value``."""

    value: float


class Ratio(Rule):
    """The candidate's figure divided by the baseline's is below ``most``."""

    most: Annotated[float, Field(gt=0)]


class GateConfig(_Closed):
    """All rules, which all have to hold; ``superior`` is what the candidate was made for."""

    fewest_sources: Annotated[int, Field(ge=2)] = 30
    superior: Annotated[tuple[Superior, ...], Field(min_length=1)]
    not_inferior: tuple[NotInferior, ...] = ()
    absolute: tuple[Absolute, ...] = ()
    ratio: tuple[Ratio, ...] = ()

    @property
    def rules(self) -> tuple[Superior | NotInferior | Absolute | Ratio, ...]:
        """Every rule, in the order of the kinds above."""
        return (*self.superior, *self.not_inferior, *self.absolute, *self.ratio)

    @property
    def asks_general(self) -> bool:
        """Whether some rule is about general cases."""
        return any(rule.on is CaseSet.GENERAL for rule in self.rules)

    @property
    def sha256(self) -> str:
        """The SHA-256 of what is asked, whatever the order, the comments and the defaults left out."""
        return hashlib.sha256(msgspec.json.encode(self.model_dump(), order="deterministic")).hexdigest()


def read_gate_config(path: Path) -> GateConfig:
    """Read a configuration.

    Raises:
        SettingsError: the file can't be read, or a key or value is not one of those above.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"the gate's configuration {path} cannot be read ({error}): name a file."
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML ({error}): correct it.") from error
    try:
        return GateConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{path}: {key or 'the file'}: {first['msg']}; correct it.") from error
