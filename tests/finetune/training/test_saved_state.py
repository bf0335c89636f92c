from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl")

from safetensors.torch import load_file

from finetune.data.row_files import write_rows
from finetune.settings.train_config import load_config
from finetune.training import worker
from finetune.training.base_model import find_base_model
from finetune.training.job import FailedOutcome, Job, Outcome, read_outcome, write_job
from finetune.training.saved_state import (
    SavedLog,
    checkpoint_folder,
    complete_checkpoint,
    drop_broken_checkpoints,
    last_checkpoint,
    read_log,
)
from tests.finetune.conftest import TinyBase
from tests.finetune.sft_runs import QUICK, curve_of, example, limited_files, run_sft

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")

ROWS = 6
# Three steps an epoch: the checkpoint at 4 lies within the second one. Dropout needs the random state.
RUN = ("train.num_train_epochs=4", "train.save_steps=4", "train.learning_rate=1e-2", "lora.lora_dropout=0.1")

KILLED = """
import os, signal, sys
from pathlib import Path
from finetune.training import trainer
from tests.finetune.conftest import TinyBase
from tests.finetune.sft_runs import run_sft

complete = trainer.complete_checkpoint

def complete_or_die(folder, log):
    if folder.name == "checkpoint-8":
        os.kill(os.getpid(), signal.SIGKILL)
    complete(folder, log)

trainer.complete_checkpoint = complete_or_die
base = TinyBase(*map(Path, sys.argv[1:4]), sys.argv[4])
run_sft(base, Path(sys.argv[5]), *sys.argv[7:], rows=int(sys.argv[6]))
"""


class Ended(BaseException):
    """Ends a run where a kill would."""


@pytest.mark.slow
def test_a_run_that_is_killed_while_it_saves_ends_like_one_that_was_not(
    tiny_base: TinyBase, tmp_path: Path
) -> None:
    base = (str(tiny_base.gguf), str(tiny_base.home), str(tiny_base.folder), tiny_base.fingerprint)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLED, *base, str(tmp_path / "killed"), str(ROWS), *RUN],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    check_that_it_goes_on(tiny_base, tmp_path / "killed", tmp_path / "whole")


def test_a_run_that_ends_while_it_saves_goes_on_from_the_checkpoint_before(
    tiny_base: TinyBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def complete_or_end(folder: Path, log: SavedLog) -> None:
        if folder.name == "checkpoint-8":
            raise Ended
        complete_checkpoint(folder, log)

    monkeypatch.setattr("finetune.training.run_log.complete_checkpoint", complete_or_end)
    with pytest.raises(Ended):
        run_sft(tiny_base, tmp_path / "killed", *RUN, rows=ROWS)
    monkeypatch.undo()
    check_that_it_goes_on(tiny_base, tmp_path / "killed", tmp_path / "whole")


def check_that_it_goes_on(tiny_base: TinyBase, killed: Path, whole: Path) -> None:
    """Resumes the run in ``killed`` and compares it with one in ``whole`` that nothing happens to."""
    assert (killed / "checkpoint-8" / "trainer_state.json").is_file()
    found = last_checkpoint(killed)
    assert found is not None
    assert found.name == "checkpoint-4"
    assert not (killed / "adapter_config.json").exists()

    expected = run_sft(tiny_base, whole, *RUN, rows=ROWS)
    resumed = run_sft(tiny_base, killed, *RUN, rows=ROWS)
    assert (resumed.steps, resumed.tokens) == (12, expected.tokens)
    for one, other in zip(curve_of(whole), curve_of(killed), strict=True):
        assert one["step"] == other["step"]
        assert other["loss"] == pytest.approx(one["loss"], abs=1e-3)
    weights = [load_file(folder / "adapter_model.safetensors") for folder in (whole, killed)]
    for name, tensor in weights[0].items():
        assert float((tensor - weights[1][name]).abs().max()) < 1e-5, name
    kept = sorted(path.name for path in killed.glob("checkpoint-*"))
    assert kept == ["checkpoint-12", "checkpoint-8"]


def test_a_full_disk_while_saving_is_told_and_leaves_a_run_that_can_go_on(
    tiny_base: TinyBase, tmp_path: Path
) -> None:
    job = written_job(tiny_base, tmp_path)
    with limited_files(150_000):  # the adapter has 119 kB, the optimizer's state twice that
        assert worker.main([str(job)]) == 1
    outcome = read_outcome(tmp_path)
    assert isinstance(outcome, FailedOutcome)
    assert outcome.error == "StorageError"
    assert f"--resume {tmp_path}" in outcome.message
    assert "\n" not in outcome.message
    assert list(tmp_path.glob("checkpoint-*")) == []
    assert not (tmp_path / "adapter_config.json").exists()
    assert worker.main([str(job)]) == 0
    assert isinstance(read_outcome(tmp_path), Outcome)
    assert (tmp_path / "adapter_model.safetensors").is_file()


def test_a_full_disk_at_the_end_leaves_no_adapter_and_loses_no_step(
    tiny_base: TinyBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peft import PeftModel

    def fail(*arguments: Any, **options: Any) -> None:
        if "selected_adapters" in options:
            raise OSError(28, "No space left on device")
        save(*arguments, **options)

    save: Any = PeftModel.save_pretrained
    job = written_job(tiny_base, tmp_path)
    monkeypatch.setattr(PeftModel, "save_pretrained", fail)
    assert worker.main([str(job)]) == 1
    assert not (tmp_path / "adapter_config.json").exists()
    monkeypatch.undo()
    assert worker.main([str(job)]) == 0
    assert [entry["step"] for entry in curve_of(tmp_path)] == [1, 2, 3]


def test_only_whole_checkpoints_count_and_the_newest_is_found(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path) is None
    for step in (9, 10, 11):
        checkpoint_folder(tmp_path, step).mkdir()
    for step in (9, 10):
        complete_checkpoint(checkpoint_folder(tmp_path, step), SavedLog(1.5, [{"loss": float(step)}]))
    newest = last_checkpoint(tmp_path)
    assert newest is not None
    assert newest == checkpoint_folder(tmp_path, 10)
    assert read_log(newest) == SavedLog(1.5, [{"loss": 10.0}])
    drop_broken_checkpoints(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-10", "checkpoint-9"]


def written_job(tiny_base: TinyBase, output: Path) -> Path:
    data = output / "rows.jsonl"
    write_rows(data, [example(n) for n in range(4)])
    config = load_config("sft", None, [*QUICK, "train.max_steps=3", "train.save_steps=1"])
    return write_job(Job(config, tiny_base.home, find_base_model(str(tiny_base.gguf)), data, output))
