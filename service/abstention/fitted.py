"""When to answer from a collection, as ``troika eval calibrate`` fitted it: its ``abstention.json``.

It holds for what it was fitted on: an answer from another kind of index, by another release or with another
prompt is right or wrong more often. Where it does not hold, ``answer.min_evidence`` decides.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ingest.errors import SnapshotCorruptError
from ingest.snapshots.durable import replace_text
from service.abstention.logistic import Logistic
from service.abstention.signals import SIGNALS, measure_signals
from service.answer import Passage
from service.grounding.support import Grounding
from service.prompt import PROMPT_ID

logger = logging.getLogger(__name__)

ABSTENTION_FILE = "abstention.json"


@dataclass(frozen=True, slots=True)
class FittedAbstention:
    """A probability that the answer will be right, and from which one on it is given.

    ``signals`` names what ``model`` was fitted on. With ``confidence``, at most ``max_wrong`` of the answers
    given are wrong, on questions like the ``cases`` cases it was fitted on; ``coverage`` of the cases held
    out were answered then, and ``wrong`` of these answers were wrong. ``index`` is an ``index_fingerprint``.
    """

    index: str
    prompt_id: str
    signals: tuple[str, ...]
    model: Logistic
    threshold: float
    max_wrong: float
    confidence: float
    cases: int
    coverage: float
    wrong: float


@dataclass(frozen=True, slots=True)
class Answerability:
    """Judges questions and their passages by what was fitted."""

    fitted: FittedAbstention
    grounding: Grounding

    def probability(self, question: str, passages: Sequence[Passage], evidence: float) -> float:
        """The chance that ``passages``, one at least, lead to a right answer; 0 to 1."""
        signals = measure_signals(question, passages, evidence, self.grounding)
        return self.fitted.model.probability(signals.values)


def fitted_abstention(
    collection: Path, release: str, index: str, max_wrong: float | None
) -> FittedAbstention | None:
    """What was fitted for a release and the collection in this folder; None where nothing holds for them.

    Args:
        index: the ``index_fingerprint`` of the snapshot that is searched.
        max_wrong: the share of wrong answers that is asked for; None for whatever was fitted.

    Raises:
        SnapshotCorruptError: the file is damaged.
    """
    found = read_abstention(collection).get(release)
    if found is None:
        return None
    if (found.index, found.prompt_id, found.signals) != (index, PROMPT_ID, SIGNALS):
        logger.warning("abstention of %s was fitted for another index, prompt or version: fit again", release)
        return None
    if max_wrong not in (None, found.max_wrong):
        logger.warning("abstention was fitted for %s wrong answers, not %s", found.max_wrong, max_wrong)
        return None
    return found


def read_abstention(collection: Path) -> dict[str, FittedAbstention]:
    """All that was fitted for the collection in this folder, by the name of the release.

    Raises:
        SnapshotCorruptError: the file is damaged.
    """
    path = collection / ABSTENTION_FILE
    try:
        fits = json.loads(path.read_text("utf-8"))
        return {release: _fit(values) for release, values in fits.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SnapshotCorruptError(
            f"{path} cannot be read ({error}): delete it, or run `troika eval calibrate` again."
        ) from error


def write_abstention(collection: Path, release: str, fitted: FittedAbstention) -> None:
    """Keep ``fitted`` for a release and the collection in this folder, durably."""
    fits = {name: asdict(fit) for name, fit in (read_abstention(collection) | {release: fitted}).items()}
    replace_text(collection / ABSTENTION_FILE, json.dumps(fits, ensure_ascii=False, indent=2))


def _fit(values: Mapping[str, Any]) -> FittedAbstention:
    model = values["model"]
    read: dict[str, Any] = {
        **values,
        "signals": tuple(values["signals"]),
        "model": Logistic(model["intercept"], tuple(model["weights"])),
    }
    return FittedAbstention(**read)
