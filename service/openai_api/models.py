"""The models that OpenAI's clients may ask for, by name: which release answers, from which collection.

``NAME[:COLLECTION]``, where NAME is ``troika`` (what is served), ``base`` (the base model alone), or the name
or alias of an adapter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ingest.errors import UnknownModelError
from ingest.settings import Settings
from service.openai_api.embedding_schemas import Model
from service.pipelines import CollectionSummary
from service.releases.release_history import BASE
from service.releases.served import usable_adapters

SERVED = "troika"
_SEPARATOR = ":"


@dataclass(frozen=True, slots=True)
class ModelName:
    """A model's name, read. ``release`` is None for what is served, ``collection`` for the default one."""

    release: str | None
    collection: str | None


def read_model_name(text: str) -> ModelName:
    """``text`` by the grammar above; whether there is such a release and collection shows when it is opened.

    Raises:
        UnknownModelError: a part of the name is missing.
    """
    name, separator, collection = text.partition(_SEPARATOR)
    if not name or (separator and not collection):
        raise unknown_model(text)
    return ModelName(None if name == SERVED else name, collection or None)


def list_models(settings: Settings, collections: Sequence[CollectionSummary]) -> list[Model]:
    """Each release, answering from the default collection, and each collection with what is served."""
    releases = [Model(id=name, created=created) for name, created in _releases(settings).items()]
    qualified = [f"{SERVED}{_SEPARATOR}{collection.name}" for collection in collections]
    return [*releases, *(Model(id=name, created=0) for name in qualified)]


def find_model(text: str, settings: Settings, collections: Sequence[CollectionSummary]) -> Model:
    """The model of that name, whether it is listed or put together from names that are.

    Raises:
        UnknownModelError: there is no such release or collection.
    """
    name = read_model_name(text)
    created = _releases(settings).get(name.release or SERVED)
    if created is None or name.collection not in (None, *(collection.name for collection in collections)):
        raise unknown_model(text)
    return Model(id=text, created=created)


def unknown_model(text: str) -> UnknownModelError:
    """There is no model ``text``."""
    return UnknownModelError(
        f"there is no model {text[:80]!r}: expected NAME or NAME:COLLECTION, with a name of GET /v1/models."
    )


def _releases(settings: Settings) -> dict[str, int]:
    """The releases by name, with the second since 1970 in which each was made, where that was recorded."""
    made = {adapter.name: int(_moment(adapter.created_at)) for adapter in usable_adapters(settings)}
    aliases = {alias: made.get(release, 0) for alias, release in settings.routing.aliases.items()}
    return {SERVED: 0, BASE: 0, **made, **aliases}


def _moment(created_at: str) -> float:
    return datetime.fromisoformat(created_at).timestamp()
