from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from finetune.adapters.export import export_run
from finetune.data.examples import BuildOptions, build_examples
from finetune.data.passages import IndexPassages
from finetune.data.preferences import pairs_from_examples
from finetune.data.row_files import write_rows
from finetune.data.rows import TrainingExample, row_line, rows_sha256
from finetune.settings.shared import LoraSection
from finetune.settings.train_config import TrainConfig, load_config
from finetune.training.job import JOB, Job, Outcome, RunMetrics, read_job, write_job, write_outcome
from finetune.training.run import RUN, Run, read_rows, read_run, resume_run, run_json, start_run
from finetune.training.started_from import STARTED_FROM
from ingest.errors import AdapterRejectedError, ModelNotFoundError, TrainingDataError, UsageError
from ingest.snapshots.durable import file_sha256
from service.prompt import PROMPT_ID
from service.releases.adapters import list_adapters
from service.releases.promotion import promote
from service.releases.release import WEIGHTS, promoted_release
from tests.finetune.conftest import TinyBase
from tests.finetune.handbook import small_index, write_questions
from tests.finetune.llama_server import llama_server
from tests.finetune.sft_runs import example

pytest.importorskip("trl")

QUICK = ("train.per_device_train_batch_size=1", "train.gradient_accumulation_steps=1", "train.report_to=[]")
GOOD = row_line(example(0)).encode() + b"\n"
METRICS = RunMetrics(3, 3, 90, 1.0, 90.0, 10.0, 2.0, 1.0, stopped_early=False)
STOPPED = replace(METRICS, stopped_early=True)
NOW = hashlib.sha256(b"as it is now").hexdigest()


def examples(tmp_path: Path) -> tuple[TrainingExample, ...]:
    index = small_index()
    source = IndexPassages("snapshot-1", index, index)
    return build_examples(write_questions(tmp_path / "qa.jsonl"), source, BuildOptions()).examples


def test_nothing_is_started_before_the_input_is_checked(tiny_base: TinyBase, tmp_path: Path) -> None:
    home, data = tmp_path / "home", tmp_path / "sft.jsonl"
    config = load_config("sft", None, [f"model.name_or_path={tiny_base.gguf}"])
    with pytest.raises(TrainingDataError, match="cannot be read"):
        start_run(home, config, data)
    write_rows(data, [replace(examples(tmp_path)[0], prompt_id="old")])
    with pytest.raises(TrainingDataError, match="old"):
        start_run(home, config, data)
    with pytest.raises(ModelNotFoundError):
        start_run(home, load_config("sft", None, ["model.name_or_path=nowhere"]), data)
    assert not home.exists()


def test_dpo_does_not_start_from_an_adapter_of_another_base(tiny_base: TinyBase, tmp_path: Path) -> None:
    data = tmp_path / "dpo.jsonl"
    write_rows(data, pairs_from_examples(examples(tmp_path)))
    config = load_config("dpo", None, [*QUICK, f"model.name_or_path={tiny_base.gguf}"])
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    with pytest.raises(AdapterRejectedError, match="holds no adapter"):
        start_run(tmp_path / "home", config, data, adapter)
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "other@1"}))
    with pytest.raises(AdapterRejectedError, match="other@1"):
        start_run(tmp_path / "home", config, data, adapter)


def test_full_fine_tuning_does_not_start_from_an_adapter(tiny_base: TinyBase, tmp_path: Path) -> None:
    write_rows(tmp_path / "sft.jsonl", [example(0)])
    whole = [*QUICK, f"model.name_or_path={tiny_base.gguf}", "train.finetuning=full"]
    with pytest.raises(UsageError, match="leave --adapter out"):
        start_run(tmp_path / "home", load_config("sft", None, whole), tmp_path / "sft.jsonl", tmp_path)


def test_a_folder_without_a_finished_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AdapterRejectedError, match="no finished run"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (GOOD + b'{"id": \n', "line 2: not JSON"),
        (GOOD + b"\xff\xfe\n", "line 2: not UTF-8"),
        (b"", "the file is empty"),
        (b'{"id": "a", "kind": "gold"}\n', "line 1: the field"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(
    tiny_base: TinyBase, tmp_path: Path, content: bytes, complaint: str
) -> None:
    data = tmp_path / "rows.jsonl"
    data.write_bytes(content)
    with pytest.raises(TrainingDataError, match=complaint):
        start_run(tmp_path / "home", configured(tiny_base), data)


def test_an_empty_answer_is_refused_with_its_line(tiny_base: TinyBase, tmp_path: Path) -> None:
    data = tmp_path / "rows.jsonl"
    write_rows(data, [example(0), replace(example(1), target=" ")])
    with pytest.raises(TrainingDataError, match="line 2: the field 'target' is missing or empty"):
        start_run(tmp_path / "home", configured(tiny_base), data)


def test_a_base_without_a_chat_template_is_refused(tiny_base: TinyBase, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_base.folder, folder, ignore=shutil.ignore_patterns("chat_template*"))
    config = load_config("sft", None, [f"model.name_or_path={folder}"])
    with pytest.raises(ModelNotFoundError, match="no chat template"):
        start_run(tmp_path / "home", config, tmp_path / "rows.jsonl")


def test_a_run_records_what_it_was_made_from(
    tiny_base: TinyBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = fake_run(tiny_base, tmp_path, monkeypatch)
    assert read_run(run.folder) == run
    assert (run.config.train.seed, run.prompt_id, run.metrics) == (0, PROMPT_ID, METRICS)
    assert run.dataset_sha256 == rows_sha256([example(n) for n in range(3)])
    assert {"torch", "transformers", "peft", "trl"} <= set(run.libraries)
    assert json.loads(run_json(run))["config"]["train"]["learning_rate"] == 2e-4


def test_a_run_keeps_its_rows_whatever_becomes_of_the_file_they_came_from(
    tiny_base: TinyBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    early = fake_run(tiny_base, tmp_path, monkeypatch, replace(METRICS, stopped_early=True))
    assert (early.data, early.rows_from) == (early.folder / "rows.jsonl", tmp_path / "qa.sft.jsonl")
    write_rows(tmp_path / "qa.sft.jsonl", [example(n) for n in range(4)])
    assert read_rows("sft", early.data) == tuple(example(n) for n in range(3))
    assert resume_run("sft", early.folder) == early


def test_a_run_from_before_rows_were_kept_goes_on_from_the_file_that_it_was_made_from(
    tiny_base: TinyBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    early = fake_run(tiny_base, tmp_path, monkeypatch, replace(METRICS, stopped_early=True))
    early.data.unlink()
    for name in (RUN, JOB):
        fields = json.loads((early.folder / name).read_text())
        del fields["rows_from"]
        (early.folder / name).write_text(json.dumps(fields | {"data": str(tmp_path / "qa.sft.jsonl")}))
    old = replace(early, data=tmp_path / "qa.sft.jsonl", rows_from=None)
    assert read_run(early.folder) == resume_run("sft", early.folder) == old


def test_a_finished_run_and_what_is_no_run_cannot_be_resumed(
    tiny_base: TinyBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = fake_run(tiny_base, tmp_path, monkeypatch)
    with pytest.raises(UsageError, match="is finished"):
        resume_run("sft", run.folder)
    with pytest.raises(UsageError, match="of sft, not dpo"):
        resume_run("dpo", run.folder)
    with pytest.raises(UsageError, match="holds no run"):
        resume_run("sft", tmp_path)


def test_a_run_that_was_stopped_early_goes_on_with_the_same_rows_or_not_at_all(
    tiny_base: TinyBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    early = fake_run(tiny_base, tmp_path, monkeypatch, replace(METRICS, stopped_early=True))
    changed = early.data.read_text()
    write_rows(early.data, [example(n) for n in range(4)])
    with pytest.raises(TrainingDataError, match="has changed"):
        resume_run("sft", early.folder)
    early.data.write_text(changed)
    monkeypatch.setattr("finetune.training.run.run_worker", lambda _: Outcome(METRICS, 0))
    assert resume_run("sft", early.folder) == replace(early, metrics=METRICS)
    assert read_run(early.folder).metrics == METRICS


def test_a_run_whose_waiting_process_was_killed_is_taken_up_where_the_training_left_it(
    tiny_base: TinyBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = fake_run(tiny_base, tmp_path, monkeypatch)
    (run.folder / RUN).unlink()
    write_outcome(run.folder, Outcome(METRICS, 0))
    monkeypatch.setattr("finetune.training.run.run_worker", lambda _: pytest.fail("trained twice"))
    assert resume_run("sft", run.folder) == run


def adapter_in(folder: Path, tiny_base: TinyBase, **shape: object) -> Path:
    """An adapter as far as it is read before a run is started."""
    folder.mkdir()
    values = {"base_model_name_or_path": tiny_base.fingerprint, "r": 4, "lora_alpha": 8, "lora_dropout": 0.1}
    config = json.dumps({**values, "target_modules": ["v_proj", "q_proj"], "use_rslora": False, **shape})
    (folder / "adapter_config.json").write_text(config)
    (folder / "adapter_model.safetensors").write_bytes(b"as it was")
    return folder


def test_a_run_records_the_shape_of_the_adapter_that_it_goes_on_in(
    tiny_base: TinyBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = adapter_in(tmp_path / "adapter", tiny_base)
    run = fake_run(tiny_base, tmp_path, monkeypatch, adapter=adapter)
    shape = LoraSection(r=4, lora_alpha=8, lora_dropout=0.1, target_modules=("q_proj", "v_proj"))
    assert read_run(run.folder).config.lora == read_job(run.folder / JOB).config.lora == shape


def test_a_run_from_before_the_shape_was_recorded_can_be_resumed(
    tiny_base: TinyBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = adapter_in(tmp_path / "adapter", tiny_base)
    early = fake_run(tiny_base, tmp_path, monkeypatch, STOPPED, adapter)
    fields = json.loads((early.folder / JOB).read_text())
    fields["config"]["lora"] = LoraSection().model_dump(mode="json")
    (early.folder / JOB).write_text(json.dumps(fields))
    (early.folder / STARTED_FROM).unlink()
    assert resume_run("sft", early.folder) == early


def test_a_run_records_the_adapter_as_it_was_when_it_began(
    tiny_base: TinyBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = adapter_in(tmp_path / "adapter", tiny_base)
    before = file_sha256(adapter / WEIGHTS)
    early = fake_run(tiny_base, tmp_path, monkeypatch, STOPPED, adapter, during=b"as it is now")
    assert read_run(early.folder).adapter_sha256 == before
    with pytest.raises(AdapterRejectedError, match=f"had {before} when it began: put it back"):
        resume_run("sft", early.folder)
    (adapter / WEIGHTS).write_bytes(b"as it was")
    assert resume_run("sft", early.folder).adapter_sha256 == before
    write_outcome(early.folder, Outcome(METRICS, 0))
    assert (file_sha256(adapter / WEIGHTS), resume_run("sft", early.folder).adapter_sha256) == (NOW, before)


def configured(tiny_base: TinyBase) -> TrainConfig:
    return load_config("sft", None, [*QUICK, f"model.name_or_path={tiny_base.gguf}"])


def fake_run(
    tiny_base: TinyBase,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    metrics: RunMetrics = METRICS,
    adapter: Path | None = None,
    during: bytes | None = None,
) -> Run:
    """A run whose training process is not started; ``during`` it the weights of ``adapter`` may change."""

    def train(job: Job) -> Outcome:
        write_job(job)
        if adapter is not None and during is not None:
            (adapter / WEIGHTS).write_bytes(during)
        return Outcome(metrics, 0)

    data = tmp_path / "qa.sft.jsonl"
    write_rows(data, [example(n) for n in range(3)])
    monkeypatch.setattr("finetune.training.run.run_worker", train)
    return start_run(tmp_path / "home", configured(tiny_base), data, adapter)


@pytest.mark.slow
def test_from_questions_to_an_adapter_that_llama_cpp_serves(tiny_base: TinyBase, tmp_path: Path) -> None:
    home = tiny_base.home
    rows = examples(tmp_path)
    write_rows(tmp_path / "sft.jsonl", rows)
    write_rows(tmp_path / "dpo.jsonl", pairs_from_examples(rows))
    overrides = [*QUICK, f"model.name_or_path={tiny_base.gguf}", "train.max_steps=2", "train.threads=1"]
    sft = start_run(home, load_config("sft", None, overrides), tmp_path / "sft.jsonl")
    dpo = start_run(home, load_config("dpo", None, overrides), tmp_path / "dpo.jsonl", sft.folder)
    assert read_run(sft.folder) == sft

    names = [export_run(home, run).name for run in (sft, dpo)]
    assert [name.partition("@")[0] for name in names] == ["sft", "dpo"]
    assert {adapter.name for adapter in list_adapters(home)} == set(names)
    promote(home, names[1])
    release = promoted_release(home)
    assert release is not None
    release.check(base_model=tiny_base.fingerprint, prompt_id=PROMPT_ID)
    assert release.adapter is not None
    with llama_server(tiny_base.gguf, release.adapter.gguf_path) as client:
        assert client.get("/lora-adapters").raise_for_status().json()[0]["scale"] == 1.0

    too_long = load_config("sft", None, [*overrides, "train.max_length=16"])
    with pytest.raises(TrainingDataError, match="raise max_length"):
        start_run(home, too_long, tmp_path / "sft.jsonl")
