"""What every group of a training run's settings is: frozen, and closed to keys it does not know."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[int, Field(ge=1, strict=True)]
PositiveReal = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A group of keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


AnySection = TypeVar("AnySection", bound=Section)


def with_set(section: AnySection, names: Iterable[str]) -> AnySection:
    """The same values, of which only those of ``names`` count as set by someone (``model_fields_set``)."""
    known = {name for name in names if name in type(section).model_fields}
    return section.model_construct(_fields_set=known, **dict(section))
