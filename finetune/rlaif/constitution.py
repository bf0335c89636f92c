"""The written constitution: what a good answer is, in each language that is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from finetune.settings.read import read_file
from finetune.settings.section import Section
from finetune.settings.train_config import CONFIGS
from ingest.errors import SettingsError

CONSTITUTION = CONFIGS / "constitution.yaml"
FALLBACK = "en"


@dataclass(frozen=True, slots=True)
class Principle:
    """One thing that a good answer does, in the words of several languages by ISO 639-1 code."""

    name: str
    words: Mapping[str, str]

    def in_language(self, language: str) -> str:
        """The principle in ``language``, or in English where it was not written in that."""
        return self.words.get(language, self.words[FALLBACK])


class _File(Section):
    principles: tuple[dict[str, str], ...]


def read_constitution(path: Path | None = None) -> tuple[Principle, ...]:
    """The principles in ``path``, or those that come with the package.

    Raises:
        SettingsError: the file cannot be read, names no principle, or one without a name or English words.
    """
    path = path or CONSTITUTION
    try:
        found = _File.model_validate(read_file(path)).principles
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise SettingsError(f"{path} is no constitution ({reason}): list its `principles`.") from error
    for number, fields in enumerate(found, start=1):
        if not fields.get("name") or not fields.get(FALLBACK):
            raise SettingsError(
                f"principle {number} of {path} lacks `name` or its English words, `{FALLBACK}`: give it both."
            )
    if not found:
        raise SettingsError(f"{path} names no principle: write at least one.")
    return tuple(
        Principle(fields["name"], {key: words for key, words in fields.items() if key != "name"})
        for fields in found
    )
