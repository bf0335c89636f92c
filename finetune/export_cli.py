"""``troika finetune merge|export|parity``: what happens to a trained adapter."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from finetune.adapters.forms import GgufForm, WeightType
from finetune.adapters_cli import adapter_json
from finetune.partner_options import require_partner
from ingest.cli import JsonOption
from ingest.settings import load_settings

if TYPE_CHECKING:
    from finetune.adapters.merge import MergeReport
    from finetune.adapters.refusals import RefusalFit
    from finetune.parity.report import ParityReport

_FALSE_REFUSALS = 0.1

RunArgument = Annotated[Path, typer.Argument(help="Folder of a finished run.")]
HeldOutOption = Annotated[
    Path | None, typer.Option(help="Rows not trained on, to fit how readily the adapter refuses.")
]
FalseRefusalsOption = Annotated[
    float | None,
    typer.Option(
        min=0, max=1, help="Of the answerable ones of --held-out so many are refused at most; default 0.1."
    ),
]
DataOption = Annotated[
    Path | None, typer.Option(help="Where the run's data lies now; default where it was trained on.")
]


def merge(
    run: RunArgument,
    output: Annotated[Path, typer.Option(help="The folder to make, as transformers and vLLM load it.")],
    dtype: Annotated[
        WeightType, typer.Option(help="What the weights are rounded to; 16 bits lose some of the change.")
    ] = WeightType.FLOAT32,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a run's adapter into its base's weights, and say what rounding lost and how outputs differ."""
    from finetune.adapters.merge import MERGE, merge_run
    from finetune.training.run import read_run

    report = merge_run(load_settings().home, read_run(run), output, dtype, data)
    if as_json:
        typer.echo((output / MERGE).read_text("utf-8"), nl=False)
    else:
        _show_merge(report, output)


def export(
    run: RunArgument,
    gate_report: Annotated[
        Path | None, typer.Option(help="The gate.json about this adapter, for its model card.")
    ] = None,
    merged: Annotated[
        Path | None, typer.Option(help="Also make this folder: the merged model for vLLM, in float32.")
    ] = None,
    gguf_base: Annotated[
        Path | None, typer.Option(help="Also make this file: the base that the GGUF adapter goes with.")
    ] = None,
    gguf_merged: Annotated[
        Path | None, typer.Option(help="Also make this file: the merged model, for generator.model.")
    ] = None,
    form: Annotated[
        GgufForm | None,
        typer.Option(help="Of those two files; default float16, and the base as it came if it came as GGUF."),
    ] = None,
    held_out: HeldOutOption = None,
    false_refusals: FalseRefusalsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep a run's adapter with its model card, ready to be promoted; of a llama model as GGUF, too.

    A run of full fine-tuning has no adapter to keep: it is written with --merged or --gguf-merged.
    """
    from finetune.adapters.export import export_run
    from finetune.training.run import read_run

    require_partner("--form", form, "--gguf-base or --gguf-merged", gguf_base or gguf_merged)
    most_false = most_false_refusals(held_out, false_refusals)
    home, finished = load_settings().home, read_run(run)
    made = [str(path) for path in (merged, gguf_base, gguf_merged) if path is not None]
    if made:
        from finetune.adapters.other_forms import OtherForms, write_other_forms

        write_other_forms(home, finished, OtherForms(merged, gguf_base, gguf_merged, form))
    if made and finished.config.train.finetuning == "full":
        typer.echo(json.dumps({"made": made}) if as_json else f"made {', '.join(made)}")
        return
    fit = None
    if held_out is not None:
        from finetune.adapters.refusals import fit_refusals

        fit = fit_refusals(home, finished, held_out, most_false)
    record = export_run(home, finished, gate_report, fit)
    if as_json:
        document = adapter_json(record, served=False) | {"made": made, "refusals": fit and asdict(fit)}
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        if fit is not None:
            _show_refusals(fit)
        typer.echo(f"kept {record.name} in {record.path}{''.join(f', made {path}' for path in made)}")
        typer.echo(f"its model card is {finished.folder / 'README.md'}")


def parity(
    run: RunArgument,
    prompts: Annotated[int, typer.Option(min=1, help="How many prompts of the run's data.")] = 50,
    vllm_python: Annotated[
        Path | None, typer.Option(help="Python of vLLM's environment; without, vLLM is left out.")
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare what transformers, llama.cpp and vLLM make of a run's adapter; fails when they differ."""
    from finetune.parity.measure import ParityRequest, measure_parity
    from finetune.parity.report import PARITY
    from finetune.training.run import read_run

    settings, finished = load_settings(), read_run(run)
    request = ParityRequest(prompts, data, vllm_python, settings.generator.threads)
    report = measure_parity(settings.home, finished, request, lambda form: typer.echo(form, err=True))
    if as_json:
        typer.echo((finished.folder / PARITY).read_text("utf-8"), nl=False)
    else:
        _show_parity(report)
    if not report.passed:
        raise typer.Exit(1)


def most_false_refusals(held_out: Path | None, false_refusals: float | None) -> float:
    """The largest share of answerable rows that may be refused: what was asked for, or a tenth.

    Raises:
        UsageError: it was asked for, and there are no rows to hold it against.
    """
    require_partner("--false-refusals", false_refusals, "--held-out", held_out)
    return _FALSE_REFUSALS if false_refusals is None else false_refusals


def _show_merge(report: MergeReport, output: Path) -> None:
    rounding, outputs = report.rounding, report.outputs
    typer.echo(
        f"merged into {output} as {report.dtype.value}; rounding lost {rounding.lost_share:.2%} of the "
        f"change, which is {rounding.change_rms / rounding.weight_rms:.2%} of the weights (root mean squares)"
    )
    worst = max(report.modules, key=lambda module: module.lost_share)
    typer.echo(f"most was lost in {worst.module}: {worst.lost_share:.2%}")
    typer.echo(
        f"logits on {outputs.prompts} prompts differ by {outputs.mean:.2g} on average and "
        f"{outputs.largest:.2g} at most; {outputs.agreement:.1%} of the next tokens are the same"
    )


def _show_refusals(fit: RefusalFit) -> None:
    typer.echo(
        f"refusal bias {fit.bias:+.2f}: of rows held out, {fit.refused_answerable} of {fit.answerable} that "
        f"can be answered are refused ({fit.without[0]} without it), and {fit.refused_unanswerable} of "
        f"{fit.unanswerable} that cannot ({fit.without[1]} without it)"
    )


def _show_parity(report: ParityReport) -> None:
    table = Table("form", "mean", "largest", "same next token", "limit", "")
    for form in report.forms:
        found = form.difference
        figures = (f"{found.mean:.2g}", f"{found.largest:.2g}", f"{found.agreement:.1%}", f"{form.limit:g}")
        table.add_row(form.form, *figures, "passed" if form.passed else "FAILED")
    Console().print(table)
    typer.echo(f"log-probabilities in nats, {report.prompts} prompts")
