"""The README's commands are true: each is known here, and the cheap ones are run as they stand.

A command is a line of a ``sh``, ``bash`` or ``console`` block. One that is neither run nor listed in
``NOT_RUN`` with its reason fails.
"""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from unittest.mock import patch
from urllib.request import urlopen

import pytest

import troika as front_door
from ingest.settings import leaf_keys, load_settings

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")

NOT_RUN = {
    r"make [a-z-]+": "looked up in the Makefile; CI runs the ones that count, and the others take minutes",
    r"troika .* --help": "asked for in any case, to look its options up",
    r"troika demo( --serve)?": "CI runs it as `make demo`",
    r"troika serve( .*)?": "does not end; the examples with curl are run against one",
    r"troika finetune (?!data|recommend).*": "trains for minutes",
    r"troika adapters (promote|rollback).*": "needs an adapter that was trained for minutes",
    r"troika bench .*": "measures for minutes",
    r"docker (build|run) .*": "needs Docker's engine; targets are looked up in the Dockerfile",
    r"docker compose .*": "needs Docker's engine; services are looked up in compose.yaml",
    r"git clone .*": "fetches this repository",
    r"cd \S+": "changes the folder",
    r"(pip|uv pip) install .*": "would change this environment",
    r"open https?://\S+": "opens a browser",
}
CHEAP = (
    "ingest",
    "search",
    "ask",
    "collections (list|show|verify)",
    "config show",
    "doctor",
    "adapters (add|list|canary|history)",
    "keys (create|list)",
    "eval",
    "finetune (data|recommend)",
)
RUN = rf"troika ({'|'.join(CHEAP)})( .*)?"
EVALUATED = "1"  # questions at most, where the README evaluates all
COMMAND_SECONDS = 120
START_SECONDS = 60
LOCAL_SERVER = re.compile(r"https?://(127\.0\.0\.1|localhost):\d+")
CORPUS = {
    "corpus.jsonl": '{"_id": "1", "text": "Bees make honey."}\n{"_id": "2", "text": "Ice is cold."}\n',
    "queries.jsonl": '{"_id": "q", "text": "What do bees make?"}\n',
    "qrels/test.tsv": "query-id\tcorpus-id\tscore\nq\t1\t1\n",
}


def commands_of(markdown: str) -> list[str]:
    """The commands of all shell blocks, without prompts, comments and variables set before them."""
    found: list[str] = []
    for kind, block in re.findall(
        r"^ *```(sh|bash|shell|console)\n(.*?)^ *```", markdown, re.MULTILINE | re.DOTALL
    ):
        for line in re.sub(r"\\\n\s*", "", block).splitlines():
            if kind == "console" and not line.lstrip().startswith("$ "):
                continue  # what the command printed
            found += _split(line.strip().removeprefix("$ "))
    return found


def _split(line: str) -> Iterator[str]:
    """The commands of one line, as far as ``&&``, ``;``, ``|`` and ``&`` part them."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word and set(word) <= set("&|;"):
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words.pop(0)
            if words:
                words[0] = re.sub(r"^(\.?/?\.venv/bin/|python3? -m )", "", words[0])
                yield shlex.join(words)
            words = []
        else:
            words.append(word)


COMMANDS = list(dict.fromkeys(commands_of(README)))
OF_MAKE = [command for command in COMMANDS if command.startswith("make ")]
OF_TROIKA = [command for command in COMMANDS if command.startswith("troika ")]
OF_DOCKER = [command for command in COMMANDS if command.startswith("docker ")]
TO_RUN = [
    command
    for command in COMMANDS
    if command.startswith("curl ") or (re.fullmatch(RUN, command) and not command.endswith(" --help"))
]


def test_the_two_first_commands_are_there_and_ci_runs_them() -> None:
    assert {"make demo", "make test"} <= set(COMMANDS)
    script = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert {"make demo", "make test"} <= set(script)


def test_every_command_is_known() -> None:
    known = [*NOT_RUN, RUN, r"curl .*"]
    assert [
        command for command in COMMANDS if not any(re.fullmatch(pattern, command) for pattern in known)
    ] == []


@pytest.mark.parametrize("command", OF_MAKE)
def test_make_knows_the_target(command: str) -> None:
    targets = shlex.split(command)[1:]
    known = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    assert set(targets) <= known
    plan = subprocess.run(["make", "-n", *targets], cwd=ROOT, capture_output=True, text=True, check=False)
    assert plan.returncode == 0, plan.stderr


@pytest.mark.parametrize("command", OF_TROIKA)
def test_troika_knows_the_command_and_its_options(command: str) -> None:
    words = shlex.split(command)[1:]
    path = command_path(words)
    options = {word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    assert options <= set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", help_of(path)))


def command_path(words: Sequence[str]) -> tuple[str, ...]:
    """The leading words that name a command: as many as groups ask for."""
    path = (words[0],)
    while re.search(r"Usage:.*\bCOMMAND\b", help_of(path)):
        path = (*path, words[len(path)])
    return path


@cache
def help_of(path: tuple[str, ...]) -> str:
    """What ``troika COMMAND --help`` prints."""
    return run_here([*path, "--help"], ROOT, {**clean_environment(), "COLUMNS": "160", "NO_COLOR": "1"})


def run_here(arguments: Sequence[str], folder: Path, environment: dict[str, str]) -> str:
    """What ``troika`` prints; run in this process, which has most of it imported."""
    printed, errors = io.StringIO(), io.StringIO()
    with (
        chdir(folder),
        patch.dict(os.environ, environment, clear=True),
        patch.object(sys, "argv", ["troika", *arguments]),
        redirect_stdout(printed),
        redirect_stderr(errors),
        pytest.raises(SystemExit) as ended,
    ):
        front_door.main()
    assert ended.value.code == 0, errors.getvalue()
    return printed.getvalue()


def test_docker_knows_the_targets_and_the_services() -> None:
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE))
    services = set(re.findall(r"^  ([a-z-]+):$", (ROOT / "compose.yaml").read_text("utf-8"), re.MULTILINE))
    for command in OF_DOCKER:
        assert set(re.findall(r"--target[ =](\S+)", command)) <= stages
        named = re.search(r"^docker compose .*?\b(?:up|run|build|logs)\b(?: -\S+)* ([a-z]\S*)", command)
        assert named is None or named[1] in services


def test_every_setting_exists(tmp_path: Path) -> None:
    variables = set(re.findall(r"\bTROIKA_([A-Z_]+)\b", README)) - {"CONFIG", "SECTION__KEY"}
    assert variables <= {key.upper().replace(".", "__") for key in leaf_keys()}
    for block in re.findall(r"^```toml\n(.*?)^```", README, re.MULTILINE | re.DOTALL):
        (tmp_path / "troika.toml").write_text(block, "utf-8")
        load_settings(environment={}, directory=tmp_path)


def test_every_link_leads_somewhere() -> None:
    linked = [target for target in re.findall(r"\]\(([^)#\s]+)", README) if "://" not in target]
    assert [target for target in linked if not (ROOT / target).exists()] == []


class Desk:
    """A folder to work in: the examples, a home that will hold the handbook, and a server once asked."""

    def __init__(self, folder: Path, models: Path) -> None:
        self.folder = folder
        self.environment = clean_environment() | {"TROIKA_HOME": str(folder / "home")}
        self.answer_id = ""
        self._server: subprocess.Popen[bytes] | None = None
        self._url = ""
        (folder / "examples").symlink_to(ROOT / "examples")
        (folder / "home").mkdir()
        (folder / "home" / "models").symlink_to(models)

    def provide(self, words: Sequence[str]) -> None:
        """Make what the README leaves to its reader: a data set in the BEIR layout, a folder of documents."""
        if "--dataset" in words:
            for name, text in CORPUS.items():
                path = self._inside(words[words.index("--dataset") + 1]) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, "utf-8")
        if words[0] == "ingest" and not (self.folder / words[1]).exists():
            self._inside(words[1]).mkdir(parents=True)
            shutil.copy(ROOT / "examples" / "handbook" / "retrieval.md", self._inside(words[1]))

    def _inside(self, name: str) -> Path:
        path = (self.folder / name).resolve()
        assert path.is_relative_to(self.folder.resolve()), (
            f"the README's {name} is not a folder of the reader's"
        )
        return path

    def url(self) -> str:
        """The address of a server over this home."""
        if self._server is None:
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", 0))
                port = listener.getsockname()[1]
            self._url = f"http://127.0.0.1:{port}"
            with (self.folder / "server.log").open("wb") as log:
                self._server = subprocess.Popen(
                    troika("serve", "--port", str(port)),
                    cwd=self.folder,
                    env=self.environment,
                    stdout=log,
                    stderr=log,
                )
            self._wait()
        return self._url

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                with urlopen(f"{self._url}/readyz", timeout=10):
                    return
            except OSError:
                time.sleep(0.1)
        pytest.fail(f"the server is not ready: {(self.folder / 'server.log').read_text('utf-8')[-2000:]}")

    def close(self) -> None:
        if self._server is not None:
            self._server.terminate()
            self._server.wait(timeout=40)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, shared_models: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path_factory.mktemp("desk"), shared_models)
    done = run(troika("ingest", "examples/handbook"), desk.folder, desk.environment)
    assert done.returncode == 0, done.stderr
    yield desk
    desk.close()


@pytest.mark.usefixtures("shared_embedders")
@pytest.mark.parametrize("command", TO_RUN)
def test_the_command_does_what_the_readme_says(command: str, desk: Desk) -> None:
    if command.startswith("curl "):
        ask_with_curl(shlex.split(command), desk)
        return
    words = shlex.split(command)[1:]
    desk.provide(words)
    if words[:2] in (["eval", "answers"], ["eval", "retrieval"]):
        words += ["--limit", EVALUATED]
    printed = run_here(words, desk.folder, desk.environment)
    assert json.loads(printed) if "--json" in words else printed.strip()


def ask_with_curl(words: Sequence[str], desk: Desk) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    url = desk.url()
    words = [LOCAL_SERVER.sub(url, word) for word in words]
    assert any(word.startswith(url) for word in words), "the README asks a server that is not this machine's"
    words = [re.sub(r'("answer_id": *")[^"]*', rf"\g<1>{desk.answer_id}", word) for word in words]
    words += ["--silent", "--show-error", "--fail-with-body", "--write-out", "\n%{content_type}"]
    done = run(words, desk.folder, desk.environment)
    assert done.returncode == 0, done.stdout + done.stderr
    body, _, media_type = done.stdout.rpartition("\n")
    if media_type.startswith("application/json"):
        answer = json.loads(body)
        desk.answer_id = answer.get("id", desk.answer_id) if isinstance(answer, dict) else desk.answer_id
    elif media_type.startswith("text/event-stream"):
        assert "event: done" in body
    else:
        assert body


def clean_environment() -> dict[str, str]:
    """This process's variables less Troika's own, with the project on the path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TROIKA_")}
    return kept | {
        "PYTHONPATH": str(ROOT),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "DO_NOT_TRACK": "1",
    }


def troika(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "troika", *arguments]


def run(
    command: Sequence[str], folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_SECONDS,
    )
