"""The settings section ``routing``."""

from __future__ import annotations

from pydantic import Field

from ingest.settings_section import Positive, Section


class RoutingSettings(Section):
    """Which release answers, where it is not the one that is served to all.

    A release is an adapter's name, ``base``, or an alias. ``collections`` are read after ``aliases``.
    """

    aliases: dict[str, str] = Field(
        default={}, description="names that clients may ask for in place of an adapter's own"
    )
    collections: dict[str, str] = Field(
        default={}, description="the release that answers from a collection, where none is asked for"
    )
    open_releases: Positive = Field(
        default=2, description="named releases kept ready besides what is served; the longest unused go"
    )
