"""The settings section ``server``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ingest.settings_section import Positive, Section

Origin = Annotated[str, Field(pattern=r"^(\*|https?://[^/\s]+)$")]
HostName = Annotated[str, Field(pattern=r"^(\*\.)?[^*/\s:]+$")]


class ServerSettings(Section):
    """The HTTP server."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    fd: Annotated[int, Field(ge=3)] | None = Field(
        default=None, description="an inherited socket that listens already, in place of host and port"
    )
    max_question_characters: Positive = 4000
    max_request_bytes: Positive = 1_000_000
    cors_origins: tuple[Origin, ...] = Field(
        default=(), description="pages that may ask from a browser, as https://intranet.example; * is all"
    )
    trusted_hosts: tuple[HostName, ...] = Field(
        default=(),
        description="names it answers to, as docs.example or *.example; without any all, or those of this "
        "machine where host is its own and no key is asked for",
    )
    drain_seconds: Annotated[float, Field(ge=0.0)] = Field(
        default=0.0,
        description="after SIGTERM, how long requests are still accepted while /readyz says 503",
    )
