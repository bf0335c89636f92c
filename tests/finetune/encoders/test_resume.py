"""What ``--resume`` goes on with, and what it refuses before anything is opened."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter
from typer.testing import CliRunner

pytest.importorskip("datasets")

from finetune.cli import finetune_app
from finetune.encoders import run
from finetune.encoders.job import EncoderJob, require_begun
from finetune.encoders.labels import LabelFiles
from finetune.settings.encoders import EmbedderConfig, RerankerConfig
from finetune.settings.train_config import read_config
from finetune.training.job import JOB
from ingest.errors import UsageError
from ingest.settings import Settings
from tests.finetune.encoders.jobs import reranker_job, rows, train_in_this_process
from tests.finetune.encoders.tiny_collection import NAME, tiny_settings, write_collection
from tests.finetune.encoders.tiny_models import write_questions

# The trainers warn of what they do on a CPU.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that is not there: whoever opens a collection in it fails with another error."""
    monkeypatch.setenv("TROIKA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def refused(*arguments: str) -> str:
    result = CliRunner().invoke(finetune_app, [*arguments, "--questions", "absent.jsonl"])
    assert isinstance(result.exception, UsageError), result.output
    return str(result.exception)


def begun(folder: Path) -> Path:
    """The folder of a reranker's run."""
    job = reranker_job(folder, folder, rows(2))
    (folder / JOB).write_bytes(TypeAdapter(EncoderJob).dump_json(job))
    return folder


@pytest.mark.parametrize("method", ["embedder", "reranker"])
def test_what_is_no_run_is_not_resumed_and_stays_as_it_is(method: str, home: Path, tmp_path: Path) -> None:
    empty, other = tmp_path / "empty", tmp_path / "sft-1"
    empty.mkdir()
    other.mkdir()
    (other / JOB).write_text('{"config": {"method": "sft"}}')
    for folder in (empty, other, tmp_path / "absent"):
        assert "no readable job.json" in refused(method, "--resume", str(folder))
    assert not [*empty.iterdir()]
    assert not (tmp_path / "absent").exists()
    assert not home.exists()


def test_a_run_of_the_other_kind_is_not_resumed(home: Path, tmp_path: Path) -> None:
    folder = begun(tmp_path / "run")
    require_begun(folder, "reranker")
    told = refused("embedder", "--resume", str(folder))
    assert "holds a run of reranker, and one of embedder was expected" in told
    assert not home.exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["embedder", "--resume", "r", "--model", "m"], "--resume and --model were given"),
        (["embedder", "--resume", "r", "--dry-run"], "--resume and --dry-run were given"),
        (["embedder", "--model", "m", "--dry-run"], "--model and --dry-run were given"),
        (["reranker", "--resume", "r", "--dry-run"], "--resume and --dry-run were given"),
    ],
)
def test_what_excludes_each_other_is_not_passed_over(home: Path, arguments: list[str], told: str) -> None:
    assert told in refused(*arguments)
    assert not home.exists()


def test_a_model_to_measure_cannot_be_a_run_to_resume(home: Path, tmp_path: Path) -> None:
    config = read_config(EmbedderConfig, "embedder", None, ())
    files = LabelFiles(tmp_path / "absent.jsonl")
    with pytest.raises(UsageError, match="ask for one of the two"):
        run.train_embedder(Settings(home=home), config, NAME, files, resume=tmp_path, model="embedder@1")


def test_a_run_that_was_killed_goes_on_in_its_folder(
    tmp_path: Path, tiny_embedder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tiny_settings(tmp_path / "home")
    write_collection(settings, tiny_embedder, 20)
    files = LabelFiles(write_questions(tmp_path / "questions.jsonl", 20))
    overrides = [
        f"model.name_or_path={tiny_embedder}", "train.bf16=false", "train.report_to=[]",
        "train.threads=1", "train.max_steps=1", "data.held_out=0.5",
    ]  # fmt: skip
    config = read_config(RerankerConfig, "reranker", None, overrides)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("finetune.encoders.job.run_process", killed)
        with pytest.raises(KeyboardInterrupt):
            run.train_reranker(settings, config, NAME, files)
    [folder] = (settings.home / "runs").iterdir()
    train_in_this_process(monkeypatch)
    report = run.train_reranker(settings, config, NAME, files, resume=folder)
    assert [*(settings.home / "runs").iterdir()] == [folder]
    assert (folder / "outcome.json").is_file()
    assert report.metrics is not None
