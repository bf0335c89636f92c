from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

pytest.importorskip("peft")
pytest.importorskip("xllamacpp")

from pydantic import TypeAdapter

from eval.decision.finding import CaseSet, Finding, RuleKind
from eval.decision.gate_config import GateConfig, Superior
from eval.decision.gate_report import gate_report, write_gate_report
from eval.decision.pairs import Pairs
from finetune.adapters.export import export_run
from finetune.adapters.forms import GgufForm
from finetune.adapters.other_forms import OtherForms, write_other_forms
from finetune.cli import finetune_app
from finetune.parity.report import Difference, FormParity, ParityReport, write_parity
from finetune.settings.train_config import TrainConfig
from finetune.training.base_model import find_base_model
from finetune.training.checkpoint import load_model
from finetune.training.job import MODEL
from finetune.training.run import RUN, Run
from ingest.choices import GeneratorKind
from ingest.errors import AdapterRejectedError, GateReportError, UsageError
from ingest.settings import GeneratorSettings
from service.generate import Message, Sampling
from service.releases.model_origin import base_of
from service.releases.release import Release, base_release, named_release
from service.wiring import load_generator
from tests.eval.decision.runs import identity
from tests.finetune.conftest import TinyBase
from tests.finetune.finished_run import finished_run, tiny_run

# peft 0.21 uses a property that transformers 5.23 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

QUESTION = (Message("user", "[1] Rank\nThe rank is 2.\n\nQuestion: rank?"),)
FINDING = Finding(
    RuleKind.SUPERIOR, "f1", None, CaseSet.TARGET, 0.5, 0.1, (0.3, 0.5), 0.0, True, "f1 rose by 0.4"
)


@pytest.fixture(autouse=True)
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine multiplies at 100 GFLOP/s; measuring it takes seconds."""
    monkeypatch.setattr("finetune.adapters.machine_peak.matmul_peak", lambda *_shape: 1e11)


@pytest.fixture
def run(tiny_base: TinyBase, tmp_path: Path) -> Run:
    return tiny_run(tiny_base.home, tiny_base.gguf, tmp_path / "runs" / "sft-1")


def write_report(path: Path, release: str) -> Path:
    pairs = Pairs(identity(), replace(identity(), release=release), (), ())
    config = GateConfig(superior=(Superior(measure="f1"),))
    write_gate_report(path, gate_report(config, (FINDING,), pairs, None))
    return path


def spoken(home: Path, model: Path, release: Release) -> str:
    """What the embedded generator writes as it is served with these settings."""
    settings = GeneratorSettings(
        kind=GeneratorKind.LLAMA_CPP, model=str(model), threads=1, context_tokens=512
    )
    generator = load_generator(settings, release, home)

    async def write() -> str:
        pieces = [piece.text async for piece in generator.stream(QUESTION, Sampling(12, 0.0))]
        await generator.aclose()
        return "".join(pieces)

    return asyncio.run(write())


def test_an_adapter_is_kept_in_both_forms_with_a_card_that_says_what_it_is(
    tiny_base: TinyBase, run: Run
) -> None:
    record = export_run(tiny_base.home, run)
    assert set(record.files) == {
        "adapter_model.safetensors", "adapter_config.json", "adapter.gguf", "metrics.json",
        "loss.svg", "card.json", "README.md",
    }  # fmt: skip
    text = (record.path / "README.md").read_text()
    for said in (
        record.name, record.sha256, tiny_base.fingerprint, run.dataset_sha256, run.prompt_id,
        "6 of `rows.sft.jsonl`, 1 too long (5 en, 1 zh)", "`snapshot-1`", "accuracy: 0.5",
        "![The loss over the steps](loss.svg)", "No gate has judged", "not compared",
    ):  # fmt: skip
        assert said in text, said
    card = json.loads((record.path / "card.json").read_text())
    assert (card["name"], card["gate"], card["parity"]) == (record.name, None, None)
    config = text.rpartition("```yaml\n")[2].removesuffix("```\n")
    assert TrainConfig.model_validate(yaml.safe_load(config)) == run.config


def test_the_card_tells_what_a_gate_and_a_comparison_found(
    tiny_base: TinyBase, run: Run, tmp_path: Path
) -> None:
    record = export_run(tiny_base.home, run)
    forms = (FormParity("merged", True, 1e-3, Difference(90, 2e-5, 3e-6, 1.0)),)
    write_parity(run.folder, ParityReport(record.sha256, 6, forms, "now"))
    export_run(tiny_base.home, run, write_report(tmp_path / "gate.json", record.name))
    text = (run.folder / "README.md").read_text()
    assert "It passed its gate" in text
    assert "held: f1 rose by 0.4" in text
    assert "| merged | 3e-06 | 2e-05 | 100.0% | passed |" in text

    write_parity(run.folder, ParityReport("of another adapter", 6, forms, "now"))
    run.data.unlink()
    export_run(tiny_base.home, run)
    card = json.loads((run.folder / "card.json").read_text())
    assert card["parity"] is None
    assert (card["data"]["rows"], card["data"]["languages"], card["data"]["snapshots"]) == (6, {}, [])


def test_the_card_names_the_file_that_the_rows_came_from(
    tiny_base: TinyBase, run: Run, tmp_path: Path
) -> None:
    export_run(tiny_base.home, replace(run, rows_from=tmp_path / "qa.sft.jsonl"))
    text = (run.folder / "README.md").read_text()
    assert "6 of `qa.sft.jsonl`, 1 too long (5 en, 1 zh)" in text
    assert "troika finetune sft --data qa.sft.jsonl" in text


def test_a_report_about_another_adapter_does_not_get_into_the_card(
    tiny_base: TinyBase, run: Run, tmp_path: Path
) -> None:
    with pytest.raises(GateReportError, match="sft@00000000"):
        export_run(tiny_base.home, run, write_report(tmp_path / "gate.json", "sft@00000000"))
    assert not (run.folder / "card.json").exists()


def test_the_merged_gguf_is_served_by_generator_model_and_answers_as_the_adapter(
    tiny_base: TinyBase, run: Run, tmp_path: Path
) -> None:
    home, forms = tiny_base.home, OtherForms(gguf_merged=tmp_path / "merged.gguf", form=GgufForm.FLOAT32)
    write_other_forms(home, run, forms)
    adapter = named_release(home, export_run(home, run).name)
    adapted = spoken(home, tiny_base.gguf, adapter)
    assert spoken(home, tmp_path / "merged.gguf", base_release()) == adapted
    assert spoken(home, tiny_base.gguf, base_release()) != adapted
    with pytest.raises(AdapterRejectedError, match="base model"):
        load_generator(GeneratorSettings(model=str(tmp_path / "merged.gguf")), adapter, home)


def test_a_base_that_came_as_a_gguf_is_that_file(tiny_base: TinyBase, run: Run, tmp_path: Path) -> None:
    write_other_forms(tiny_base.home, run, OtherForms(gguf_base=tmp_path / "base.gguf"))
    assert (tmp_path / "base.gguf").read_bytes() == tiny_base.gguf.read_bytes()


def test_an_adapter_of_a_folder_is_served_on_the_gguf_that_is_made_of_it(
    tiny_base: TinyBase, tmp_path: Path
) -> None:
    home, base = tiny_base.home, find_base_model(str(tiny_base.folder))
    run = finished_run(home, tmp_path / "run", base, std=0.1)
    target = tmp_path / "base.gguf"
    write_other_forms(home, run, OtherForms(gguf_base=target))
    assert base_of(target) == base.fingerprint
    release = named_release(home, export_run(home, run).name)
    assert spoken(home, target, release)
    with pytest.raises(AdapterRejectedError, match="base model"):
        spoken(home, tiny_base.gguf, release)
    with target.open("ab") as file:
        file.write(b"\0")
    assert base_of(target) != base.fingerprint


def test_a_whole_model_is_copied_and_has_no_adapter_to_keep(
    tiny_base: TinyBase, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = run.config.train.model_copy(update={"finetuning": "full"})
    whole = replace(run, config=run.config.model_copy(update={"train": train}))
    (run.folder / RUN).write_bytes(TypeAdapter(Run).dump_json(whole))
    (run.folder / MODEL).mkdir()
    for path in tiny_base.folder.iterdir():
        (run.folder / MODEL / path.name).write_bytes(path.read_bytes())
    monkeypatch.setenv("TROIKA_HOME", str(tiny_base.home))
    with pytest.raises(AdapterRejectedError, match="--merged"):
        export_run(tiny_base.home, whole)
    made = [tmp_path / "model", tmp_path / "model.gguf"]
    command = ["export", str(run.folder), "--merged", str(made[0]), "--gguf-merged", str(made[1]), "--json"]
    printed = CliRunner().invoke(finetune_app, command)
    assert json.loads(printed.stdout) == {"made": [str(path) for path in made]}
    assert load_model(made[0]) is not None
    assert spoken(tiny_base.home, made[1], base_release()) == spoken(
        tiny_base.home, tiny_base.gguf, base_release()
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--form", "float16"], "--form is given without --gguf-base or --gguf-merged"),
        (["--form", "float16", "--merged", "model"], "--form is given without --gguf-base or --gguf-merged"),
        (["--false-refusals", "0.1"], "--false-refusals is given without --held-out"),
    ],
)
def test_an_option_without_the_one_it_is_about_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str
) -> None:
    monkeypatch.chdir(run.folder)
    before = sorted(run.folder.iterdir())
    result = CliRunner().invoke(finetune_app, ["export", str(run.folder), *arguments])
    assert isinstance(result.exception, UsageError), result.output
    assert told in str(result.exception)
    assert sorted(run.folder.iterdir()) == before


def test_a_tenth_may_be_refused_where_no_share_is_asked_for(
    tiny_base: TinyBase, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def fit(_home: Path, _run: Run, _rows: Path, most_false: float) -> None:
        asked.append(most_false)

    monkeypatch.setenv("TROIKA_HOME", str(tiny_base.home))
    monkeypatch.setattr("finetune.adapters.refusals.fit_refusals", fit)
    for arguments in ([], ["--false-refusals", "0"]):
        command = ["export", str(run.folder), "--held-out", "rows.jsonl", *arguments]
        assert CliRunner().invoke(finetune_app, command).exit_code == 0
    assert asked == [0.1, 0.0]
