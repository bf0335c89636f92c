"""The settings section ``history``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from ingest.settings_section import Section


class HistorySettings(Section):
    """Where answers and what is said of them are kept, how long, and how much of them."""

    url: SecretStr | None = Field(
        default=None,
        description="postgresql://user:password@host/database; default a file of the home",
    )
    keep_days: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="answers older than this are deleted by the server; default never"
    )
    redact: Literal["off", "personal"] = Field(
        default="off",
        description="personal: mail addresses, phone numbers, keys … in what people ask, are told and say "
        "are covered before it is kept",
    )
