"""How a sampled answer did against its training example, by rules alone: no model judges it.

The scalar is gated: an answer that is wrong earns nothing for its citations or its form, so that no policy
learns to cite well and answer anything. To refuse is right exactly when the example is a refusal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eval.metrics.correctness import RIGHT_F1
from eval.metrics.normal_form import tokens, without_markers
from eval.metrics.words import contains_answer, exact_match, token_f1
from finetune.data.rows import ExampleKind, TrainingExample
from finetune.settings.rollout import RewardWeights
from service.grounding.cite import MarkerFilter, answer_sentences, markers_of
from service.prompt import is_refusal

_ROOM = 2
"""An answer may be so many times as long as the example's target before its form earns less."""


@dataclass(frozen=True, slots=True)
class RewardParts:
    """How an answer did; the numbers are in 0..1.

    ``f1`` and ``exact`` compare its words, without markers, with the accepted answers; a refusal is compared
    with the refusal that the prompt asks for. ``right`` is the gate: a refusal exactly where one is due, else
    an answer that holds an accepted one or shares half of its words (``eval.metrics.correctness``).
    ``citation_precision`` is the share of its markers that name a source which holds an accepted answer,
    ``citation_recall`` that of its sentences with such a marker. ``form`` is 1 for an answer that ends by
    itself and is no longer than twice the target, and falls with its length from there.
    """

    right: bool
    refused: bool
    f1: float
    exact: float
    citation_precision: float
    citation_recall: float
    form: float

    @property
    def citation(self) -> float:
        """The harmonic mean of precision and recall of the citations."""
        both = self.citation_precision + self.citation_recall
        return 2 * self.citation_precision * self.citation_recall / both if both else 0.0


def is_verifiable(example: TrainingExample) -> bool:
    """Whether rules can tell a right answer to ``example``: replayed general instructions they can't."""
    if example.kind is ExampleKind.GOLD:
        return any(tokens(answer) for answer in example.answers)
    return example.kind is ExampleKind.REFUSAL


def judge(example: TrainingExample, answer: str, *, ended: bool) -> RewardParts:
    """Judge ``answer``; ``ended`` says that the model ended it, in place of the limit on its length."""
    markers = MarkerFilter(range(1, len(example.sources) + 1))
    text = markers.feed(answer) + markers.finish()
    said = without_markers(text)
    refused = is_refusal(said, example.language)
    due = example.kind is ExampleKind.REFUSAL
    if refused != due or not tokens(said):
        return RewardParts(
            right=False, refused=refused, f1=0.0, exact=0.0,
            citation_precision=0.0, citation_recall=0.0, form=0.0,
        )  # fmt: skip
    accepted = [example.target] if due else [words for words in example.answers if tokens(words)]
    f1 = token_f1(said, accepted)
    precision, recall = _no_citations(text, markers.invented) if due else _citations(example, text, markers)
    return RewardParts(
        right=due or max(f1, contains_answer(said, accepted)) >= RIGHT_F1,
        refused=refused,
        f1=f1,
        exact=exact_match(said, accepted),
        citation_precision=precision,
        citation_recall=recall,
        form=_form(example, said) if ended else 0.0,
    )


def total(parts: RewardParts, weights: RewardWeights) -> float:
    """The reward of an answer, 0..1: Σ weight·part / Σ weight, its citations and form only if it is right."""
    earned = weights.f1 * parts.f1 + weights.exact * parts.exact
    if parts.right:
        earned += weights.citation * parts.citation + weights.form * parts.form
    return earned / (weights.f1 + weights.exact + weights.citation + weights.form)


def mean_parts(judged: Sequence[RewardParts]) -> dict[str, float]:
    """The mean of each part over ``judged``, of which there is at least one, as figures for a curve."""
    figures = {
        "right": [float(parts.right) for parts in judged],
        "f1": [parts.f1 for parts in judged],
        "citation": [parts.citation for parts in judged],
        "form": [parts.form for parts in judged],
        "refused": [float(parts.refused) for parts in judged],
    }
    return {name: sum(values) / len(values) for name, values in figures.items()}


def _citations(example: TrainingExample, text: str, markers: MarkerFilter) -> tuple[float, float]:
    holding = _holding_sources(example)
    named = markers_of(text)
    given = len(named) + markers.invented
    sentences = answer_sentences(text)
    cited = [any(marker in holding for marker in markers_of(text[start:end])) for start, end in sentences]
    precision = sum(marker in holding for marker in named) / given if given else 0.0
    return precision, sum(cited) / len(cited) if cited else 0.0


def _holding_sources(example: TrainingExample) -> set[int]:
    """The markers of the sources that hold an accepted answer, and those that the target cites.

    The second are right by the way the example was made, even where the source words its answer otherwise.
    """
    holding = {n for n, text in enumerate(example.sources, start=1) if contains_answer(text, example.answers)}
    return holding | set(markers_of(example.target))


def _no_citations(text: str, invented: int) -> tuple[float, float]:
    clean = float(not invented and not markers_of(text))
    return clean, clean


def _form(example: TrainingExample, said: str) -> float:
    room = _ROOM * len(tokens(without_markers(example.target)))
    return min(1.0, room / len(tokens(said)))
