"""Names of persons, found by presidio with spaCy models that are installed already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from ingest.errors import ModelNotFoundError
from ingest.optional import require

_EXTRA = "redact"


class PresidioNames:
    """Behind ``finetune.data.redact.NameFinder``; texts in other languages have no names."""

    def __init__(self, models: Mapping[str, str]) -> None:
        """``models`` are spaCy models by language (ISO 639-1): packages, or folders.

        Raises:
            MissingExtraError: presidio is not installed.
            ModelNotFoundError: a model is not on this machine; presidio would fetch it.
        """
        nlp = cast("Any", require("presidio_analyzer.nlp_engine", extra=_EXTRA))
        spacy = cast("Any", require("spacy", extra=_EXTRA))
        for model in models.values():
            if not (spacy.util.is_package(model) or Path(model).is_dir()):
                raise ModelNotFoundError(
                    f"{model!r} is no spaCy model on this machine: install its package, or give its folder."
                )
        configured = [{"lang_code": language, "model_name": model} for language, model in models.items()]
        engine = nlp.NlpEngineProvider(
            nlp_configuration={"nlp_engine_name": "spacy", "models": configured}
        ).create_engine()
        analyzer = cast("Any", require("presidio_analyzer", extra=_EXTRA)).AnalyzerEngine
        self._languages = frozenset(models)
        self._analyzer = analyzer(nlp_engine=engine, supported_languages=[*models])

    def names(self, text: str, language: str) -> Iterable[tuple[int, int]]:
        """See ``NameFinder``."""
        if language not in self._languages:
            return ()
        found = self._analyzer.analyze(text, language=language, entities=["PERSON"])
        return [(result.start, result.end) for result in found]
