"""A model card as Markdown, in the form that model hubs read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import yaml

from finetune.adapters.model_card import Card
from finetune.parity.report import REFERENCE
from finetune.training.job import LOSS_CURVE
from service.releases.release import GGUF, WEIGHTS


def card_text(card: Card) -> str:
    """The card's ``README.md``."""
    return "\n".join(_lines(card)) + "\n"


def _lines(card: Card) -> Iterator[str]:
    method = card.config.method
    front = {"library_name": "peft", "base_model": card.base_model, "tags": ["lora", method]}
    if card.licence is not None:
        front["license"] = card.licence
    yield f"---\n{yaml.safe_dump(front, sort_keys=False)}---\n"
    yield f"# {card.name}\n"
    yield (
        f"A LoRA adapter for {card.base_model}, trained by {method} to answer from numbered passages "
        f"with citations. `{WEIGHTS}` is for transformers and vLLM"
        f"{f', `{GGUF}` for llama.cpp' if GGUF in card.forms else ''}.\n"
    )
    yield from _made_from(card)
    yield from _training(card)
    yield from _evaluation(card)
    yield from _parity(card)
    yield from _limits(card)
    yield from _again(card)


def _made_from(card: Card) -> Iterator[str]:
    data = card.data
    yield "## Made from\n"
    languages = ", ".join(f"{count} {language}" for language, count in data.languages.items())
    rows = [
        ("base model", f"`{card.base_model}`"),
        (
            "rows",
            f"{data.rows} of `{data.file}`, {data.left_out} too long" + f" ({languages})" * bool(languages),
        ),
        ("SHA-256 of the rows", f"`{data.sha256}`"),
        ("passages from", ", ".join(f"`{snapshot}`" for snapshot in data.snapshots) or "the rows themselves"),
        ("prompt", f"`{card.prompt_id}`"),
        ("seed", str(card.config.train.seed)),
        ("started from", "the base model" if card.started_from is None else f"`{card.started_from}`"),
        ("SHA-256 of the weights", f"`{card.sha256}`"),
        ("libraries", ", ".join(f"{name} {version}" for name, version in card.libraries.items())),
    ]
    yield from _table(("", ""), rows)


def _training(card: Card) -> Iterator[str]:
    metrics = card.metrics
    yield "## Training\n"
    yield f"![The loss over the steps]({LOSS_CURVE})\n"
    yield f"The loss: {metrics.first_loss:.3f}, and after {metrics.steps} steps {metrics.last_loss:.3f}.\n"
    for name, value in card.details.items():
        yield f"- {name}: {value:.4g}"
    yield f"\nIt took {card.cost.told()}.\n"


def _evaluation(card: Card) -> Iterator[str]:
    yield "## Evaluation\n"
    if card.gate is None:
        yield "No gate has judged this adapter, so it is not promoted. `troika eval gate` judges it.\n"
        return
    verdict = "passed" if card.gate.passed else "did NOT pass"
    where = (
        f"on the snapshot `{card.gate.snapshot_id}`" if card.gate.snapshot_id else "on cases with passages"
    )
    yield f"It {verdict} its gate {where} (report `{card.gate.sha256}`):\n"
    for passed, reason in card.gate.findings:
        yield f"- {'held' if passed else 'NOT held'}: {reason}"
    yield ""


def _parity(card: Card) -> Iterator[str]:
    yield "## Parity\n"
    if card.parity is None:
        yield "Its forms were not compared. `troika finetune parity` compares them.\n"
        return
    yield (
        f"Log-probabilities of the same answers on {card.parity.prompts} prompts, against {REFERENCE}; "
        "differences in nats.\n"
    )
    rows = [
        (
            form.form,
            f"{form.difference.mean:.2g}",
            f"{form.difference.largest:.2g}",
            f"{form.difference.agreement:.1%}",
            "passed" if form.passed else "FAILED",
        )
        for form in card.parity.forms
    ]
    yield from _table(("form", "mean", "largest", "same next token", ""), rows)


def _limits(card: Card) -> Iterator[str]:
    yield "## Limits and licence\n"
    yield (
        f"It is for this base model, the prompt `{card.prompt_id}` and the languages of its rows; with "
        "others it is refused, or worse than the base. It answers from passages and knows nothing of its "
        "own. What the evaluation above does not measure is not known.\n"
    )
    licence = f"is under {card.licence}" if card.licence else "has a licence of its own"
    yield (
        f"The base model {licence}, which holds for what is made of it. Whoever passes the adapter on also "
        "answers for the rights in the rows that it was trained on.\n"
    )


def _again(card: Card) -> Iterator[str]:
    method = card.config.method
    yield "## To build it again\n"
    start = "" if card.started_from is None else " --adapter ADAPTER"
    yield (
        f"`troika finetune {method} --data {card.data.file}{start} --config config.yaml` with the versions "
        "above, and this as `config.yaml`:\n"
    )
    config = card.config.model_dump(mode="json", exclude_defaults=True) | {"method": method}
    yield f"```yaml\n{yaml.safe_dump(config, sort_keys=False)}```"


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heading)} |"
    yield "|" + "---|" * len(heading)
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""
