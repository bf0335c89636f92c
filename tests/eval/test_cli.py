"""The commands start without loading anything heavy."""

from __future__ import annotations

import subprocess
import sys


def test_the_command_groups_import_no_heavy_library() -> None:
    heavy = {"numpy", "torch", "transformers", "faiss", "openvino", "xllamacpp", "pydantic", "httpx"}
    program = f"import sys, eval.cli, eval.bench.cli; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
