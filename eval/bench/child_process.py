"""A measurement in a process of its own, which ends with one line of JSON."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ingest.errors import TroikaError

_ROOT = Path(__file__).resolve().parents[2]
_PEERS_PYTHON = _ROOT / ".venv-bench" / "bin" / "python"
_MOST_SECONDS = 3_600.0


def python_of_peers(named: Path | None) -> Path:
    """The interpreter that runs the peers: the one that is named, that of ``make bench-env``, or this one."""
    return named or (_PEERS_PYTHON if _PEERS_PYTHON.exists() else Path(sys.executable))


def run_child(python: Path, module: str, *arguments: str, stdin: str = "", threads: int = 1) -> str:
    """The last line that ``python -m module arguments`` prints, which computes on ``threads`` threads.

    Raises:
        TroikaError: it failed, or took more than an hour.
    """
    command: Sequence[str] = [str(python), "-m", module, *arguments]
    environment = os.environ | {
        "PYTHONPATH": str(_ROOT),
        "OMP_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "passive",
    }
    try:
        ran = subprocess.run(
            command, env=environment, input=stdin, capture_output=True, text=True, timeout=_MOST_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise TroikaError(f"{module} did not end within {_MOST_SECONDS:.0f} s: measure less.") from error
    if ran.returncode:
        said = ran.stderr.strip().splitlines()
        raise TroikaError(f"{module} ended with code {ran.returncode}: {said[-1] if said else 'no word'}")
    return ran.stdout.strip().splitlines()[-1]
