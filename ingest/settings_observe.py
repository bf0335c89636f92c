"""The settings section ``observe``: logs, metrics and traces."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from ingest.settings_section import Fraction, Section


class LogFormat(StrEnum):
    """How a line of the server's log is written."""

    JSON = "json"
    TEXT = "text"


class ObserveSettings(Section):
    """What the server tells of its work. Questions, answers and documents are in none of it."""

    log_format: LogFormat | None = Field(
        default=None, description="json or text; default text in a terminal, else json"
    )
    metrics_public: bool = Field(
        default=False, description="/metrics asks for no key; else for one of scope admin"
    )
    otlp_endpoint: Annotated[str, Field(pattern=r"^https?://")] | None = Field(
        default=None, description="OpenTelemetry collector that gets traces, for example http://host:4318"
    )
    trace_share: Fraction = Field(
        default=0.1, description="of the requests whose caller has not decided whether they are traced"
    )
    trace_text: bool = Field(default=False, description="put questions into traces")
