"""Keep a finished run's adapter: in the forms that are served, with its model card."""

from __future__ import annotations

from pathlib import Path

from finetune.adapters.card_text import card_text
from finetune.adapters.gguf_adapter import write_gguf_adapter
from finetune.adapters.llama_layout import is_llama
from finetune.adapters.lora import read_config
from finetune.adapters.model_card import CARD, CARD_TEXT, card_json, make_card
from finetune.adapters.refusals import REFUSALS, RefusalFit
from finetune.adapters.trained_run import adapter_of
from finetune.training.job import LOSS_CURVE, METRICS
from finetune.training.run import Run
from ingest.snapshots.durable import replace_text
from service.releases.adapters import CONFIG, Provenance, keep_adapter
from service.releases.release import GGUF, WEIGHTS, AdapterRecord, tokenizer_digest


def export_run(
    home: Path, run: Run, gate_report: Path | None = None, refusals: RefusalFit | None = None
) -> AdapterRecord:
    """Write the run's adapter as GGUF, if there can be one, and its card, and keep all in the registry.

    An adapter that is kept already stays as it is; the card in the run's folder is written anew.

    Raises:
        AdapterRejectedError: the run has no adapter, or a GGUF adapter cannot hold it.
        GateReportError: the report cannot be read, or is about another adapter.
    """
    lora, checkpoint = adapter_of(run), run.base.checkpoint(home)
    forms = (WEIGHTS, GGUF) if is_llama(read_config(checkpoint / "config.json")) else (WEIGHTS,)
    card = make_card(home, run, forms, gate_report)
    if GGUF in forms:
        write_gguf_adapter(lora.folder, checkpoint, run.folder / GGUF)
    replace_text(run.folder / CARD, card_json(card))
    replace_text(run.folder / CARD_TEXT, card_text(card))
    bias = refusals.bias if refusals else 0.0
    tokenizer = tokenizer_digest(run.base.source)
    provenance = Provenance(run.base.fingerprint, run.prompt_id, run.dataset_sha256, bias, tokenizer)
    names = [*forms, CONFIG, METRICS, LOSS_CURVE, CARD, CARD_TEXT]
    if refusals:
        names.append(REFUSALS)
    return keep_adapter(home, run.method, [run.folder / name for name in names], provenance)
