"""What a PDF states of itself (its information dictionary) -> a document's metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

from ingest.document import MetadataValue
from ingest.parsers.text_builder import clean_text, collapse_space

_TEXTS = {"Author": "author", "Subject": "subject", "Keywords": "keywords"}
_DATES = {"CreationDate": "created", "ModDate": "modified"}
_PLACEHOLDER = re.compile(r"\(?(?:anonymous|unspecified|unknown|none|null|untitled)\)?", re.IGNORECASE)
_DATE = re.compile(
    r"""(?:D:)?(?P<year>\d{4})(?P<month>\d\d)?(?P<day>\d\d)?
    (?:(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?)?
    (?:Z|(?P<sign>[+-])(?P<hours>\d\d)'?(?P<minutes>\d\d)?)?""",
    re.VERBOSE,
)


def metadata_of(properties: Mapping[str, str]) -> dict[str, MetadataValue]:
    """Author, subject, keywords and dates (ISO 8601); what programs put there by default is left out."""
    found: dict[str, MetadataValue] = {}
    for key, name in _TEXTS.items():
        value = collapse_space(clean_text(properties.get(key, "")))
        if value and not _PLACEHOLDER.fullmatch(value):
            found[name] = value
    for key, name in _DATES.items():
        if date := iso_date(properties.get(key, "")):
            found[name] = date
    return found


def iso_date(text: str) -> str | None:
    """A PDF date ("D:20240131120000+01'00'") as ISO 8601, as exact as it is; None when it is no date.

    The form is that of ISO 32000-1, 7.9.4.
    """
    match = _DATE.match(text.strip())
    if match is None:
        return None
    part = {name: int(value) for name, value in match.groupdict().items() if value and value.isdigit()}
    try:
        day = datetime(part["year"], part.get("month", 1), part.get("day", 1))
        if "hour" not in part:
            fields = 1 + ("month" in part) + ("day" in part)
            return "-".join(day.date().isoformat().split("-")[:fields])
        moment = day.replace(hour=part["hour"], minute=part["minute"], second=part.get("second", 0))
        if match["sign"]:
            distance = timedelta(hours=part["hours"], minutes=part.get("minutes", 0))
            moment = moment.replace(tzinfo=timezone(-distance if match["sign"] == "-" else distance))
        elif "Z" in match[0]:
            moment = moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return moment.isoformat()
