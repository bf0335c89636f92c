"""The front door: it opens at once, knows every command, and never shows a traceback for bad input."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COMMANDS = [
    "demo",
    "ingest",
    "search",
    "ask",
    "serve",
    "collections",
    "finetune",
    "adapters",
    "eval",
    "bench",
    "config",
    "doctor",
]
ML_LIBRARIES = {
    "torch", "transformers", "sentence_transformers", "tokenizers", "peft", "trl", "datasets", "accelerate",
    "openvino", "onnxruntime", "faiss", "tantivy", "xllamacpp", "vllm", "sklearn", "scipy", "pypdfium2",
}  # fmt: skip


def troika(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """``python -m troika`` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "troika", *arguments],
        cwd=home,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TROIKA_HOME": str(home / ".troika")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def python(code: str, folder: Path) -> str:
    """What ``code`` prints in a fresh process; in it ``run("collections", "list")`` is ``troika``."""
    prelude = (
        "import sys, troika\n"
        "def run(*arguments):\n"
        "    sys.argv = ['troika', *arguments]\n"
        "    try: troika.main()\n"
        "    except SystemExit as exit: return exit.code\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", prelude + code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def modules_after(code: str, folder: Path) -> set[str]:
    """The top-level modules that a fresh process has imported after running ``code``."""
    printed = python(f"{code}\nprint('MODULES', *sys.modules)", folder).rpartition("MODULES ")[2]
    return {name.partition(".")[0] for name in printed.split()}


def test_help_names_every_command_and_imports_next_to_nothing(tmp_path: Path) -> None:
    done = troika("--help", home=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(f"\n  {command} " in done.stdout for command in COMMANDS)
    forbidden = ML_LIBRARIES | {"numpy", "pydantic", "typer", "rich", "fastapi", "ingest", "service"}
    assert not modules_after("run('--help')", tmp_path) & forbidden


def test_no_arguments_ask_for_help(tmp_path: Path) -> None:
    done = troika(home=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: troika COMMAND")


def test_importing_the_command_lines_imports_no_ml_library(tmp_path: Path) -> None:
    imported = modules_after(
        "import ingest.cli, service.cli, eval.cli, eval.bench.cli, finetune.cli", tmp_path
    )
    assert not imported & ML_LIBRARIES


def test_every_command_has_help(tmp_path: Path) -> None:
    printed = python(f"for name in {COMMANDS}: print('CODE', run(name, '--help'))", tmp_path)
    assert printed.count("CODE 0") == len(COMMANDS)
    assert all(f"Usage: troika {command}" in printed for command in COMMANDS)


def test_showing_settings_loads_no_ml_library(tmp_path: Path) -> None:
    assert not modules_after("run('config', 'show')", tmp_path) & ML_LIBRARIES


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["ingets"], "error[usage_error]: there is no command 'ingets': did you mean 'ingest'?"),
        (["zzz"], "error[usage_error]: there is no command 'zzz': `troika --help` lists the commands."),
        (["collections", "verify", "absent"], "error[collection_not_found]: there is no collection 'absent'"),
    ],
)
def test_wrong_use_is_one_line_on_standard_error_and_exit_code_2(
    arguments: list[str], error: str, tmp_path: Path
) -> None:
    done = troika(*arguments, home=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(error)
    assert done.stderr.count("\n") == 1


def test_a_failure_of_the_system_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    collection = tmp_path / ".troika" / "collections" / "default"
    collection.mkdir(parents=True)
    (collection / "CURRENT").mkdir()
    done = troika("collections", "verify", "default", home=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error[system_error]:")
    assert "Traceback" not in done.stderr


def test_a_folder_is_ingested_and_verified_through_the_front_door(tmp_path: Path, home: Path) -> None:
    (tmp_path / ".troika").symlink_to(home)
    (tmp_path / "note.md").write_text("# Note\n\nA rank of 16 is the default.\n")
    (tmp_path / "empty.md").write_bytes(b"")
    done = troika("ingest", "note.md", "empty.md", home=tmp_path)
    assert done.returncode == 3
    assert done.stdout.startswith("default: 1 added, 0 updated, 0 unchanged, 0 removed, 1 failed; 1 chunks")
    assert "[file_empty]" in done.stderr
    assert troika("collections", "verify", "default", home=tmp_path).returncode == 0
