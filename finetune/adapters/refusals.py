"""How readily a trained model refuses, set by rows that it was not trained on.

A model learns from the mixture it was shown how often to refuse, and the mixture is not the traffic. Its
first token decides: where a refusal's first token leads the best other one by as many logits as the bias, it
refuses. The bias is the least that keeps refusals of answerable rows at the share that is asked for; serving
takes it from the logit of that token (``answer.refusal_bias``).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from finetune.adapters.base_checkpoint import checkpoint_of
from finetune.adapters.frozen_model import answer_logits, open_model
from finetune.adapters.probes import Probe
from finetune.adapters.trained_run import rows_of
from finetune.data.check_leaks import asked_in
from finetune.data.encode import Tokenizer, encode_prompt
from finetune.data.row_files import read_examples
from finetune.data.rows import ExampleKind, TrainingExample, rows_sha256
from finetune.training.checkpoint import load_tokenizer
from finetune.training.run import Run
from ingest.errors import TrainingDataError
from ingest.settings_answer import MOST_REFUSAL_BIAS
from ingest.snapshots.durable import replace_text
from service.prompt import template_for

REFUSALS = "refusals.json"


@dataclass(frozen=True, slots=True)
class RefusalFit:
    """A bias in logits, and what it does on the rows it was fitted on.

    ``refused_answerable`` of ``answerable`` rows and ``refused_unanswerable`` of ``unanswerable`` ones begin
    with a refusal; ``without`` counts the same two before.
    """

    bias: float
    most_false: float
    answerable: int
    refused_answerable: int
    unanswerable: int
    refused_unanswerable: int
    without: tuple[int, int]
    dataset_sha256: str


def fit_refusals(home: Path, run: Run, rows: Path, most_false: float) -> RefusalFit:
    """Fit the bias of the run's adapter, and write it into the run's folder as ``refusals.json``.

    Args:
        rows: examples, held out from training, that teach to answer and to refuse; general ones are left out.
        most_false: the largest share of the answerable ones that may be refused, from 0 to 1.

    Raises:
        TrainingDataError: the run was trained on some of them, or they lack one of the two kinds.
    """
    given = read_examples(rows)
    sha256 = rows_sha256(given)
    examples = [example for example in given if example.kind is not ExampleKind.REPLAY]
    seen = len(examples) if sha256 == run.dataset_sha256 else _trained_on(run, examples)
    if seen:
        raise TrainingDataError(
            f"{run.folder.name} was trained on {seen} of {len(examples)} rows in {rows}, which it refuses as "
            "it was told: fit on rows that were held out (`data build --valid-share`)."
        )
    checkpoint = checkpoint_of(run, home)
    model = open_model(checkpoint, run.folder)
    margins = list(refusal_margins(model, load_tokenizer(checkpoint), examples))
    refuse = [example.kind is ExampleKind.REFUSAL for example in examples]
    fit = fit_bias(margins, refuse, most_false, sha256)
    replace_text(run.folder / REFUSALS, json.dumps(asdict(fit), indent=2) + "\n")
    return fit


def refusal_margins(
    model: torch.nn.Module, tokenizer: Tokenizer, examples: Sequence[TrainingExample]
) -> Iterator[float]:
    """For each example by how many logits a refusal's first token leads the best other one."""
    openings = [tokenizer.encode(template_for(example.language).refusal)[0] for example in examples]
    probes = [
        Probe(tuple(encode_prompt(tokenizer, example.messages)), (opening,))
        for example, opening in zip(examples, openings, strict=True)
    ]
    for logits, opening in zip(answer_logits(model, probes), openings, strict=True):
        refusal = float(logits[0, opening])
        logits[0, opening] = -torch.inf
        yield refusal - float(logits.max())


def fit_bias(
    margins: Sequence[float], refuse: Sequence[bool], most_false: float, dataset_sha256: str
) -> RefusalFit:
    """The least bias, in hundredths of a logit, that refuses at most ``most_false`` of the answerable rows.

    None is refused for nothing: no greater bias refuses as many unanswerable rows, and fewer answerable ones.

    Raises:
        TrainingDataError: no row is answerable, or none is not.
    """
    answerable = sorted((m for m, refuses in zip(margins, refuse, strict=True) if not refuses), reverse=True)
    unanswerable = [m for m, refuses in zip(margins, refuse, strict=True) if refuses]
    if not answerable or not unanswerable:
        raise TrainingDataError(
            f"{len(answerable)} rows can be answered and {len(unanswerable)} cannot: expected some of both."
        )
    allowed = min(int(most_false * len(answerable)), len(answerable) - 1)
    reached = [m for m in unanswerable if m >= _above(answerable[allowed])]
    needed = sum(_above(m) > min(reached) for m in answerable) if reached else 0
    bias = max(-MOST_REFUSAL_BIAS, min(MOST_REFUSAL_BIAS, _above(answerable[min(allowed, needed)])))
    return RefusalFit(
        bias=bias,
        most_false=most_false,
        answerable=len(answerable),
        refused_answerable=_refused(answerable, bias),
        unanswerable=len(unanswerable),
        refused_unanswerable=_refused(unanswerable, bias),
        without=(_refused(answerable, 0.0), _refused(unanswerable, 0.0)),
        dataset_sha256=dataset_sha256,
    )


def _above(margin: float) -> float:
    """The least bias in hundredths that refuses no row of this margin."""
    return math.floor(margin * 100 + 1) / 100


def _trained_on(run: Run, examples: Sequence[TrainingExample]) -> int:
    """How many of ``examples`` ask what a row of the run asks, of whatever passages."""
    learned = {asked_in(row) for row in rows_of(run)}
    return sum(asked_in(example) in learned for example in examples)


def _refused(margins: Sequence[float], bias: float) -> int:
    return sum(margin >= bias for margin in margins)
