"""The settings section ``jobs``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ingest.settings_section import Positive, Section


class JobSettings(Section):
    """Documents that come by the HTTP interface, and the jobs that ingest them."""

    max_upload_bytes: Positive = Field(
        default=200_000_000, description="of one request; a file also has to keep ingest.max_file_megabytes"
    )
    max_files: Annotated[int, Field(ge=1, le=1000)] = Field(default=100, description="files of one request")
    keep_free_bytes: Annotated[int, Field(ge=0)] = Field(
        default=500_000_000, description="of the disk: uploads that would leave less are refused"
    )
    keep_days: Positive = Field(default=30, description="how long finished jobs are remembered")
