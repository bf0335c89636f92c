"""The settings section ``canary``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ingest.settings_section import Fraction, Positive, Section


class CanarySettings(Section):
    """When a canary is taken back by itself: by how much it may be worse than what is served."""

    check_seconds: Annotated[float, Field(ge=0)] = Field(
        default=10.0, description="pause between two looks at what its answers came to"
    )
    fewest_answers: Positive = Field(
        default=30, description="answers (or judgements) of each side before it is judged by them"
    )
    false_alarms: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.05, description="chance that a candidate within all bounds is ever taken back"
    )
    more_down_votes: Fraction = Field(default=0.02, description="of the judgements, as a share")
    more_abstentions: Fraction = Field(default=0.10, description="of the answers, as a share")
    more_flawed: Fraction = Field(
        default=0.05, description="of the answers: unsupported sentences, or the generator replaced"
    )
    slowdown: Annotated[float, Field(ge=1)] = Field(
        default=1.5, description="times as long as the served one it may take, more often than not"
    )
