"""The front door: ``troika COMMAND``. Commands are imported when they are called, not before."""

from __future__ import annotations

import difflib
import os
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Any

# Teams of threads that spin starve each other on few cores. One that never does is put to sleep and woken at
# each small operation of the embedded generator, which made a token take four times as long: ten thousand
# turns are less than a millisecond, and enough for those.
_THREADING = {
    "OMP_WAIT_POLICY": "passive",
    "GOMP_SPINCOUNT": "10000",
    "KMP_BLOCKTIME": "0",
    "TOKENIZERS_PARALLELISM": "false",
}


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where a command lives. ``group`` is the name of the Typer app that is, or that holds, the command."""

    module: str
    group: str
    help: str
    is_group: bool = False


_COMMANDS = {
    "demo": _Entry("service.cli", "service_app", "Ingest the sample handbook and ask it five questions."),
    "ingest": _Entry("ingest.cli", "ingest_app", "Bring a collection up to date with files and folders."),
    "search": _Entry("service.cli", "service_app", "Find the best passages for a query."),
    "ask": _Entry("service.cli", "service_app", "Answer a question from a collection, with citations."),
    "serve": _Entry("service.cli", "service_app", "Serve the HTTP API and the web page."),
    "mcp": _Entry("service.mcp.cli", "mcp_app", "Offer search and answers to language models as tools."),
    "keys": _Entry(
        "service.access.cli", "keys_app", "Make, list, revoke and rotate API keys.", is_group=True
    ),
    "collections": _Entry(
        "ingest.collections_cli",
        "collections_app",
        "List, verify, roll back and drop collections.",
        is_group=True,
    ),
    "finetune": _Entry(
        "finetune.cli", "finetune_app", "Make training data, train and export.", is_group=True
    ),
    "adapters": _Entry(
        "finetune.cli", "adapters_app", "List, promote and roll back adapters.", is_group=True
    ),
    "eval": _Entry("eval.cli", "eval_app", "Measure retrieval and answers.", is_group=True),
    "bench": _Entry(
        "eval.bench.cli", "bench_app", "Measure speed and memory on this machine.", is_group=True
    ),
    "history": _Entry(
        "service.history.cli", "history_app", "Export, purge and forget kept answers.", is_group=True
    ),
    "replay": _Entry("service.replay.cli", "replay_app", "Answer again as before, and show the difference."),
    "config": _Entry(
        "ingest.cli", "config_app", "Show the settings and where they come from.", is_group=True
    ),
    "doctor": _Entry("service.cli", "service_app", "Say what is installed, what is missing, and what to do."),
}


def _usage() -> str:
    width = max(map(len, _COMMANDS))
    rows = "\n".join(f"  {name:<{width}}  {entry.help}" for name, entry in _COMMANDS.items())
    return (
        "Usage: troika COMMAND [OPTIONS] …\n\n"
        "Answers from your own documents, with citations that can be checked to the character.\n\n"
        f"Commands:\n{rows}\n\n`troika COMMAND --help` tells the options of a command."
    )


def _run(name: str, arguments: list[str]) -> None:
    """Import the command ``name`` and run it; it ends the process with its exit code."""
    import typer

    entry = _COMMANDS[name]
    command: Any = typer.main.get_command(getattr(import_module(entry.module), entry.group))
    if not entry.is_group and name in getattr(command, "commands", {}):
        command = command.commands[name]
    command.main(args=arguments, prog_name=f"troika {name}")


def main() -> None:
    """Run the command line: 0 success, 1 failure, 2 wrong use, 3 partial success."""
    try:
        _dispatch(sys.argv[1:] or ["--help"])
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has seen enough; without this Python would complain again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None


def _dispatch(argv: list[str]) -> None:
    name, *arguments = argv
    if name in ("--help", "-h", "help"):
        print(_usage())
        return
    if name not in _COMMANDS:
        close = difflib.get_close_matches(name, _COMMANDS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "`troika --help` lists the commands."
        print(f"error[usage_error]: there is no command {name!r}: {hint}", file=sys.stderr)
        raise SystemExit(2)
    # Set before any numeric library is loaded, which read them then.
    for variable, value in _THREADING.items():
        os.environ.setdefault(variable, value)
    _run_reporting_errors(name, arguments)


def _run_reporting_errors(name: str, arguments: list[str]) -> None:
    from ingest.errors import TroikaError, UsageError

    try:
        _run(name, arguments)
    except TroikaError as error:
        print(f"error[{error.code}]: {error}", file=sys.stderr)
        raise SystemExit(2 if isinstance(error, UsageError) else 1) from error
    except BrokenPipeError:
        raise
    except OSError as error:  # a full disk, a missing right: nothing that a traceback would explain
        print(f"error[system_error]: {error}", file=sys.stderr)
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
